/**
 * The connections of a server are shared fairly by address: one has at most as many as are free, so never more than half, and
 * however many addresses take what they can, there is always room for another. A gateway is one address, and has the rest to
 * itself.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import { fairShare } from "#shared/fair-share.ts"
import { Problem } from "./problem.ts"

/** For the request that is refused to come, and for its answer to be read. */
const graceMs = 2_000

/**
 * Counts the connections of the server. What it gives tells of a connection whether it is over its address's share: then its
 * first request is to be refused, and it is cut soon after.
 */
export const shareConnections = (
  server: Pick<Server, "on">,
  most: number,
): (socket: Socket) => boolean => {
  const connections = fairShare({ most, part: 1 })
  const over = new WeakSet<Socket>()
  server.on("connection", (socket: Socket) => {
    // Of one that is gone already there is none.
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

/** What is answered on a connection that is over its address's share. */
export const tooManyConnections = new Problem({
  status: 429,
  code: "too_many_connections",
  detail: "Too many connections are open from your address. Use fewer, and one after another.",
  headers: { "retry-after": "5", connection: "close" },
})
