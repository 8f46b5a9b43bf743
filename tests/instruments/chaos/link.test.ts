/** A link that can be cut, slowed and silenced, between a client and an echo on real sockets. */
import { it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { describe, expect } from "vitest"
import { openLink } from "./link.ts"

/** A server that answers everything with its own name in front. */
const echo = (name: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const open = new Set<Socket>()
      const server = createServer((socket) => {
        open.add(socket)
        socket.on("data", (text) => socket.write(`${name}:${text}`)).on("error", () => {})
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, open }
    }),
    ({ server, open }) =>
      Effect.sync(() => {
        server.close()
        open.forEach((socket) => socket.destroy())
      }),
  ).pipe(Effect.map(({ server }) => (server.address() as { port: number }).port))

const client = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = connect(port, "127.0.0.1").on("error", () => {})
      await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve))
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

const say = (socket: Socket, text: string) =>
  Effect.promise(async () => {
    const answer = Promise.race([
      once(socket, "data").then(([data]) => String(data)),
      once(socket, "close").then(() => "closed"),
    ])
    socket.write(text)
    return await answer
  })

/** Takes as long as an answer takes without the link. */
const aMoment = (target: number) => Effect.flatMap(client(target), (socket) => say(socket, "?"))

const closed = (socket: Socket) =>
  Effect.promise(async () => {
    if (!socket.destroyed) await once(socket, "close")
  })

describe("a link", () => {
  it.live("forwards in both directions, to its targets in turn, and skips one that refuses", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* echo("a"), yield* echo("b")]
      const nobody = yield* Effect.scoped(echo("nobody"))
      const link = yield* openLink([a, nobody, b], 0)
      const answers = yield* Effect.forEach(
        ["1", "2", "3"],
        (text) => Effect.flatMap(client(link.port), (socket) => say(socket, text)),
      )
      expect(answers).toEqual(["a:1", "b:2", "b:3"])
    }))

  it.live("breaks and refuses connections when it is cut, until it is mended", () =>
    Effect.gen(function* () {
      const link = yield* openLink([yield* echo("a")], 0)
      const before = yield* client(link.port)
      expect(yield* say(before, "1")).toBe("a:1")
      yield* link.cut
      yield* closed(before)
      yield* closed(yield* client(link.port))
      yield* link.mend
      expect(yield* say(yield* client(link.port), "2")).toBe("a:2")
    }))

  it.live("delivers late when it is slow, in order, and at once when it is mended", () =>
    Effect.gen(function* () {
      const target = yield* echo("a")
      const link = yield* openLink([target], 0)
      const socket = yield* client(link.port)
      yield* link.slow(150)
      const startedAtMs = yield* Clock.currentTimeMillis
      expect(yield* say(socket, "1")).toBe("a:1")
      expect((yield* Clock.currentTimeMillis) - startedAtMs).toBeGreaterThanOrEqual(299)
      let heard = ""
      socket.on("data", (text) => heard += text)
      socket.write("late,")
      yield* aMoment(target)
      yield* link.mend
      socket.write("early")
      while (!heard.endsWith("early")) yield* Effect.promise(() => once(socket, "data"))
      expect(heard.replaceAll("a:", "")).toBe("late,early")
    }))

  it.live("answers nothing while it is silent, and breaks silent connections when it is mended", () =>
    Effect.gen(function* () {
      const target = yield* echo("a")
      const link = yield* openLink([target], 0)
      const old = yield* client(link.port)
      expect(yield* say(old, "1")).toBe("a:1")
      yield* link.silence
      const young = yield* client(link.port)
      expect(young.destroyed).toBe(false)
      let heard = ""
      for (const socket of [old, young]) {
        socket.on("data", (text) => heard += text)
        socket.write("2")
      }
      for (let n = 0; n < 20; n++) yield* aMoment(target)
      expect([heard, old.destroyed, young.destroyed]).toEqual(["", false, false])
      yield* link.mend
      yield* closed(old)
      yield* closed(young)
      expect(heard).toBe("")
      expect(yield* say(yield* client(link.port), "3")).toBe("a:3")
    }))
})
