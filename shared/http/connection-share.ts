/**
 * Shares the connections of a server fairly by address: one address has at most as many as are
 * free, so never more than half, and there is always room for another address. A gateway counts as
 * one address.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import { fairShare } from "#shared/fair-share.ts"
import { Problem } from "./problem.ts"

/** Time for the refused request to arrive, and for its answer to be read. */
const graceMs = 2_000

/**
 * Counts the connections of the server. The returned predicate tells whether a connection is over
 * its address's share: its first request is to be refused, and the connection is cut soon after.
 */
export const shareConnections = (
  server: Pick<Server, "on">,
  most: number,
): (socket: Socket) => boolean => {
  const connections = fairShare({ most, part: 1 })
  const over = new WeakSet<Socket>()
  server.on("connection", (socket: Socket) => {
    // A connection that is already closed has no address.
    const address = socket.remoteAddress ?? ""
    if (connections.take(address) === "room") {
      socket.once("close", () => connections.giveBack(address))
      return
    }
    over.add(socket)
    const cut = setTimeout(() => socket.destroy(), graceMs)
    socket.once("close", () => clearTimeout(cut))
  })
  return (socket) => over.has(socket)
}

/** The answer on a connection that is over its address's share. */
export const tooManyConnections = new Problem({
  status: 429,
  code: "too_many_connections",
  detail: "Too many connections are open from your address. Use fewer, and reuse them.",
  headers: { "retry-after": "5", connection: "close" },
})
