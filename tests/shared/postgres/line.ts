/**
 * A line to a server that a test can disturb as networks do: cut it, reset it, hang up at once,
 * swallow everything.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"

export interface Line {
  /** The server's URL, but over this line. */
  readonly url: string
  /** What happens to connections that are made from now on. */
  become: "open" | "hanging up" | "swallowing"
  /** Keeps the server's answers back from now on. */
  readonly hold: () => void
  /** Lets answers through again, those that were kept back first. */
  readonly letGo: () => void
  /** What the server gets of what the client sends. */
  rewrite: (sent: Buffer) => Buffer
  /** Breaks the connections, with a reset (RST) rather than an orderly end (FIN). */
  readonly reset: () => void
  readonly accepted: () => number
}

export const openLine = (serverUrl: string): Effect.Effect<Line, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const far = new URL(serverUrl)
      const sockets = new Set<Socket>()
      const keep = (socket: Socket) => {
        sockets.add(socket)
        return socket.on("error", () => {}).on("close", () => sockets.delete(socket))
      }
      let accepted = 0
      let held: Array<[Socket, Buffer]> | undefined
      const server = createServer((near) => {
        accepted += 1
        keep(near)
        if (line.become === "hanging up") return near.end()
        if (line.become === "swallowing") return near.resume()
        const there = keep(connect(Number(far.port), far.hostname))
        near.on("data", (chunk) => there.write(line.rewrite(chunk)))
        near.on("end", () => there.end())
        there.on(
          "data",
          (chunk) => held === undefined ? near.write(chunk) : held.push([near, chunk]),
        )
        there.on("end", () => near.end())
        near.on("close", () => there.destroy())
        there.on("close", () => near.destroy())
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const url = new URL(serverUrl)
      url.port = String((server.address() as { port: number }).port)
      const line: Line & { readonly close: () => void } = {
        url: url.href,
        become: "open",
        rewrite: (sent) => sent,
        hold: () => held = [],
        letGo: () => {
          held?.forEach(([near, chunk]) => near.write(chunk))
          held = undefined
        },
        reset: () => sockets.forEach((socket) => socket.resetAndDestroy()),
        accepted: () => accepted,
        close: () => {
          sockets.forEach((socket) => socket.destroy())
          server.close()
        },
      }
      return line
    }),
    ({ close }) => Effect.sync(close),
  )
