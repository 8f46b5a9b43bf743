/**
 * A TCP port of 127.0.0.1 that was free a moment ago. Another process may take it first, so callers
 * retry.
 */
import { Effect } from "effect"
import net from "node:net"

export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = net.createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      resume(
        address !== null && typeof address === "object"
          ? Effect.succeed(address.port)
          : Effect.die(new Error("a TCP server has a port")),
      )
    )
  })
})
