/** Connections of two addresses of this machine, at a server that holds few. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { listen } from "#shared/http/listen.ts"
import { until } from "#tests/services/orders/until.ts"

const most = 10
/** The most connections that one address may have. */
const share = 5

const app = { fetch: () => new Response("here") }

const opened = (port: number, localAddress: string): Effect.Effect<Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = connect({ port, host: "127.0.0.1", localAddress })
      socket.on("error", () => {})
      await once(socket, "connect")
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** What the server answers on the connection. */
const ask = (socket: Socket): Effect.Effect<string> =>
  Effect.promise(async () => {
    socket.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n")
    const [answer] = await once(socket, "data")
    return String(answer)
  })

// Other systems give the loopback one address.
describe.skipIf(process.platform !== "linux")("the connections of a server", () => {
  it.live("are shared: one address gets at most half, and others still come in", () =>
    Effect.gen(function* () {
      const port = yield* listen(app, { host: "127.0.0.1", port: 0, maxConnections: most })
      const greedy = yield* Effect.replicateEffect(opened(port, "127.0.0.1"), share)
      for (const socket of greedy) assert.match(yield* ask(socket), /^HTTP\/1\.1 200/)
      const over = yield* opened(port, "127.0.0.1")
      const refused = yield* ask(over)
      assert.match(refused, /^HTTP\/1\.1 429/)
      assert.match(refused, /\r\nretry-after: \d+\r\n/i)
      assert.match(refused, /\r\nconnection: close\r\n/i)
      assert.match(refused, /too_many_connections/)
      assert.match(yield* ask(yield* opened(port, "127.0.0.2")), /^HTTP\/1\.1 200/)
      // The first address may connect again after it has closed some.
      for (const socket of greedy.slice(1)) socket.destroy()
      const again = Effect.scoped(Effect.flatMap(opened(port, "127.0.0.1"), ask))
      yield* until("there is room", Effect.map(again, (text) => text.startsWith("HTTP/1.1 200")))
    }))

  it.live("are cut if they are too many and send nothing", () =>
    Effect.gen(function* () {
      const port = yield* listen(app, { host: "127.0.0.1", port: 0, maxConnections: most })
      yield* Effect.replicateEffect(opened(port, "127.0.0.1"), share)
      const silent = yield* opened(port, "127.0.0.1")
      yield* Effect.promise(() => once(silent, "close"))
    }))
})
