/**
 * Requests that come before the answer to the previous one, and answers that nobody reads, on real
 * sockets.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Hono } from "hono"
import { once } from "node:events"
import { connect } from "node:net"
import { docsApp } from "#shared/http/docs.ts"
import { listen } from "#shared/http/listen.ts"
import { until } from "#tests/services/orders/until.ts"

const here = { host: "127.0.0.1", port: 0 }
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: here\r\n\r\n`

/** Opens a connection and sends the text; nothing is read unless the test does. */
const sent = (port: number, text: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = connect(port, "127.0.0.1").setEncoding("utf8").pause()
      socket.on("error", () => {})
      await once(socket, "connect")
      socket.write(text)
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** An app that notes its requests, and answers when the test says so. */
const waitingApp = () => {
  const asked: Array<string> = []
  const waiting: Array<() => void> = []
  const app = new Hono()
  app.get("/:name", async ({ req }) => {
    asked.push(req.param("name"))
    await new Promise<void>((resolve) => waiting.push(resolve))
    return new Response(`[${req.param("name")}]`)
  })
  return { app, asked, answerNext: () => waiting.shift()!() }
}

describe("the requests of a connection", () => {
  it.live("are answered one after the other, in the order in which they came", () =>
    Effect.gen(function* () {
      const { app, asked, answerNext } = waitingApp()
      const port = yield* listen(app, here)
      const socket = yield* sent(port, ["a", "b", "c"].map((name) => get(`/${name}`)).join(""))
      let text = ""
      socket.on("data", (chunk) => text += chunk)
      socket.resume()
      for (const [n, name] of ["a", "b", "c"].entries()) {
        yield* until(`${name} is requested`, () => asked.length > n)
        // By now, the rest of what came with it has been read.
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
        assert.deepStrictEqual(asked, ["a", "b", "c"].slice(0, n + 1))
        answerNext()
        yield* until(`${name} is answered`, () => text.includes(`[${name}]`))
      }
      assert.match(text, /\[a\][^]*\[b\][^]*\[c\]/)
    }))

  // Deno's server reads a request only after it has answered the previous one.
  it.live.skipIf("Deno" in globalThis)(
    "are cut off if they are too many",
    () =>
      Effect.gen(function* () {
        const { app, asked } = waitingApp()
        const port = yield* listen(app, here)
        const socket = yield* sent(port, get("/a").repeat(500))
        socket.resume()
        yield* until("the connection is cut", () => socket.destroyed)
        assert.deepStrictEqual(asked, ["a"])
      }),
  )
})

describe("the files of the documentation", () => {
  it.live("are in memory once, however many clients read them slowly", () =>
    Effect.gen(function* () {
      const port = yield* listen(docsApp(["orders"]), here)
      const before = process.memoryUsage().arrayBuffers
      const text = get("/docs/swagger-ui-bundle.js")
      const sockets = yield* Effect.replicateEffect(sent(port, text), 60)
      for (const socket of sockets) {
        yield* Effect.promise(() => once(socket, "readable"))
        assert.match(String(socket.read(100)), /^HTTP\/1\.1 200/)
      }
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 30_000_000)
    }))
})
