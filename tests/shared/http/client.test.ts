/** What a caller can conclude from the end of a call, on real sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { createServer, type Server, type Socket } from "node:net"
import { patienceMs } from "#tests/support/patience.ts"
import { type Callee, Fetch, get, post, postBatch } from "#shared/http/client.ts"

const callee = (port: number, host = "127.0.0.1", timeoutMs = 2_000): Callee => ({
  name: "billing",
  url: new URL(`http://${host}:${port}/base/`),
  token: Effect.succeed("header.payload.signature"),
  timeoutMs,
})

/** A server that treats each connection as the test says, once the request has arrived. */
const server = (
  answer: (socket: Socket, request: string) => void,
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket.on("error", () => {}))
        let request = ""
        socket.setEncoding("utf8").on("data", (chunk) => {
          request += chunk
          if (/^GET .*\r\n\r\n|\r\n\r\n.+/s.test(request)) answer(socket, request)
        })
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        server.close()
        sockets.forEach((socket) => socket.destroy())
      }),
  ).pipe(
    Effect.map(({ server }: { server: Server }) => (server.address() as { port: number }).port),
  )

const http = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${
    Buffer.byteLength(body)
  }\r\nconnection: close\r\n\r\n${body}`

const failure = (port: number, host?: string, timeoutMs?: number) =>
  Effect.map(
    Effect.flip(post(callee(port, host, timeoutMs), "/things", {})),
    ({ _tag, message }) => `${_tag}: ${message}`,
  )

describe("post", () => {
  it.live("sends JSON with the callee's token, and gives back the JSON of the answer", () =>
    Effect.gen(function* () {
      let seen = ""
      const port = yield* server((socket, request) => {
        seen = request
        socket.end(http("201 Created", '{"done":true}'))
      })
      const answer = yield* post(callee(port), "/things?a=b", { ü: 1 })
      assert.deepStrictEqual(answer, { done: true })
      assert.match(seen, /^POST \/base\/things\?a=b HTTP\/1\.1\r\n/)
      assert.match(seen, /\r\nauthorization: Bearer header\.payload\.signature\r\n/i)
      assert.match(seen, /\r\ncontent-type: application\/json\r\n/i)
      assert.isTrue(seen.endsWith('\r\n\r\n{"ü":1}'))
    }))

  it.live("fails with Unavailable when the connection is refused, or the name is unknown", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(server(() => {}))
      assert.match(yield* failure(port), /^Unavailable: billing cannot be reached/)
      assert.match(yield* failure(80, "no-such-host.invalid"), /^Unavailable: billing cannot/)
    }))

  it.live("fails with OutcomeUnknown when the connection is cut before or within the answer", () =>
    Effect.gen(function* () {
      const before = yield* server((socket) => socket.destroy())
      assert.match(yield* failure(before), /^OutcomeUnknown: The connection to billing broke/)
      const reset = yield* server((socket) => socket.resetAndDestroy())
      assert.match(yield* failure(reset), /^OutcomeUnknown: The connection to billing broke/)
      const within = yield* server((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", () => socket.destroy())
      })
      assert.match(yield* failure(within), /^OutcomeUnknown: The connection to billing broke/)
    }))

  it.live("fails with OutcomeUnknown when the answer is not JSON", () =>
    Effect.gen(function* () {
      const port = yield* server((socket) => socket.end(http("200 OK", "<html>")))
      assert.strictEqual(
        yield* failure(port),
        "OutcomeUnknown: billing answered with something other than JSON",
      )
    }))

  it.live("fails with OutcomeUnknown when the answer does not end, and hangs up", () =>
    Effect.gen(function* () {
      const hungUp = Promise.withResolvers<void>()
      const port = yield* server((socket) => {
        socket.on("close", () => hungUp.resolve())
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        const chunk = `100000\r\n${"x".repeat(1024 * 1024)}\r\n`
        const goOn = () => {
          while (!socket.destroyed && socket.write(chunk));
        }
        socket.on("drain", goOn)
        goOn()
      })
      const failed = failure(port, undefined, patienceMs)
      assert.strictEqual(yield* failed, "OutcomeUnknown: billing answered more than 16 MiB")
      yield* Effect.promise(() => hungUp.promise)
    }))

  it.effect("fails with OutcomeUnknown when no answer comes in time, and hangs up", () =>
    Effect.gen(function* () {
      const arrived = Promise.withResolvers<void>()
      const hungUp = Promise.withResolvers<void>()
      const port = yield* server((socket) => {
        socket.on("close", () => hungUp.resolve())
        arrived.resolve()
      })
      const failing = yield* Effect.forkChild(failure(port))
      yield* Effect.promise(() => arrived.promise)
      yield* TestClock.adjust(2_000)
      assert.strictEqual(
        yield* Fiber.join(failing),
        "OutcomeUnknown: billing did not answer within 2000 ms",
      )
      yield* Effect.promise(() => hungUp.promise)
    }))

  it.live("calls the address that the embedded run routes it to", () =>
    Effect.gen(function* () {
      const answer = yield* post(callee(1), "/things", {}).pipe(
        Effect.provideService(Fetch, (url) => Promise.resolve(Response.json(url))),
      )
      assert.strictEqual(answer, "http://127.0.0.1:1/base/things")
    }))
})

describe("get", () => {
  it.live("sends the callee's token and no body, and gives back the JSON of the answer", () =>
    Effect.gen(function* () {
      let seen = ""
      const port = yield* server((socket, request) => {
        seen = request
        socket.end(http("200 OK", '{"things":[]}'))
      })
      assert.deepStrictEqual(yield* get(callee(port), "/things?a=b"), { things: [] })
      assert.match(seen, /^GET \/base\/things\?a=b HTTP\/1\.1\r\n/)
      assert.match(seen, /\r\nauthorization: Bearer header\.payload\.signature\r\n/i)
      assert.notMatch(seen, /content-type/i)
      assert.isTrue(seen.endsWith("\r\n\r\n"))
    }))

  it.live("fails as post does when no answer comes", () =>
    Effect.gen(function* () {
      const port = yield* server((socket) => socket.destroy())
      const { _tag, message } = yield* Effect.flip(get(callee(port), "/things"))
      assert.strictEqual(_tag, "OutcomeUnknown")
      assert.match(message, /^The connection to billing broke/)
    }))
})

describe("postBatch", () => {
  it.live("sends what post sends, and gives back the JSON of the answer", () =>
    Effect.gen(function* () {
      const requests: Array<string> = []
      const port = yield* server((socket, request) => {
        requests.push(request)
        socket.end(http("200 OK", '{"outcomes":[]}'))
      })
      assert.deepStrictEqual(yield* postBatch(callee(port), "/things", { commands: [] }), {
        outcomes: [],
      })
      yield* post(callee(port), "/things", { commands: [] })
      const [batch, single] = requests.map((request) => request.replace(/x-request-id: .*/, ""))
      assert.strictEqual(batch, single)
    }))

  it.live("fails as post does when no answer comes", () =>
    Effect.gen(function* () {
      const cutting = yield* server((socket) => socket.destroy())
      const gone = yield* Effect.scoped(server(() => {}))
      const ends = yield* Effect.forEach(
        [cutting, gone],
        (port) => Effect.flip(postBatch(callee(port), "/things", {})),
      )
      assert.deepStrictEqual(ends.map(({ _tag }) => _tag), ["OutcomeUnknown", "Unavailable"])
    }))
})
