/**
 * What the server does with clients that are slow, old or malicious; under Deno also with Node's
 * timers and sockets.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import fc from "fast-check"
import { makeApp } from "#shared/http/app.ts"
import { listen } from "#shared/http/listen.ts"
import { hasDotSegment } from "#shared/http/request-target.ts"
import { anyone, guardedRoute } from "#shared/http/route.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { sendRaw } from "./raw.ts"

const app = Effect.map(
  makeApp({
    name: "wire",
    description: "",
    routes: [guardedRoute(anyone, {
      method: "POST",
      path: "/things/:id",
      summary: "",
      body: { schema: Schema.Unknown, maxBytes: 64 },
      answer: { status: 201, description: "", schema: Schema.Unknown },
      handle: () => Effect.succeed({ body: "made" }),
    })],
    ready: {},
  }),
  oneDoor,
)

const arrivalMs = 300
const keepAliveMs = 600

const started = Effect.flatMap(
  app,
  (app) => listen(app, { host: "127.0.0.1", port: 0, arrivalMs, keepAliveMs }),
)

const post = "POST /things/1 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"

describe("a connection", () => {
  it.live.each(
    [
      ["that is silent", ""],
      ["with half a header", "GET /livez HTTP/1.1\r\nhost: x\r\n"],
      ["with a body that never ends", `${post}content-length: 10\r\n\r\n{`],
      ["with a chunk that never ends", `${post}transfer-encoding: chunked\r\n\r\n5\r\n{`],
      ["with half a header after a request", `GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET / HT`],
    ] as const,
  )("%s is cut when its time is over", ([, text]) =>
    Effect.gen(function* () {
      const port = yield* started
      const { answer, afterMs } = yield* sendRaw(port, text)
      assert.isAtLeast(afterMs, arrivalMs - 1)
      assert.include(answer, "HTTP/1.1 408 ")
      assert.notInclude(answer, " 201 ")
    }))

  it.live("that is idle after a request is kept for a time that the client is told", () =>
    Effect.gen(function* () {
      const port = yield* started
      const { answer, afterMs } = yield* sendRaw(port, "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
      assert.include(answer, "HTTP/1.1 200 ")
      assert.match(answer, /\r\nconnection: keep-alive\r\n/i)
      assert.isAtLeast(afterMs, keepAliveMs - 1)
    }))
})

describe("a health check in HTTP/1.0", () => {
  it.live("is answered without a Host", () =>
    Effect.gen(function* () {
      const port = yield* started
      for (const path of ["/livez", "/readyz"]) {
        const { answer } = yield* sendRaw(port, `GET ${path} HTTP/1.0\r\n\r\n`)
        assert.match(answer, /^HTTP\/1\.1 200 /)
      }
    }))
})

describe("a Host header", () => {
  it.live("never reaches the path", () =>
    Effect.gen(function* () {
      const port = yield* started
      for (
        const host of ["x/metrics?", "x/metrics#", "x\\metrics?", "y@x/metrics?", "x /metrics"]
      ) {
        const { answer } = yield* sendRaw(
          port,
          `GET /livez HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
        )
        assert.match(answer, /^HTTP\/1\.1 400 /, host)
        assert.notInclude(answer, "# TYPE")
        // The HTTP parser itself refuses what is not a valid header.
        if (!host.includes(" ")) assert.include(answer, '"code":"invalid_request"', host)
      }
    }))
})

const dotted = [
  "/things/../metrics",
  "/things/1/../../metrics",
  "/things/./1",
  "/..",
  "/.",
  "/things/..",
  "/things/%2e%2e/metrics",
  "/things/.%2E/metrics",
  "/things/%2E./metrics",
  "/things/%2e/1",
  "/things/..%2fmetrics",
  "/things%2F..%2Fmetrics",
  "/things/..%5cmetrics",
  "/things\\..\\metrics",
  "/things/../metrics?a=b",
  "http://x/things/../metrics",
]

describe("a path with dot segments", () => {
  it.live("is refused as it is sent, encoded or not", () =>
    Effect.gen(function* () {
      const port = yield* started
      for (const path of dotted) {
        const { answer } = yield* sendRaw(
          port,
          `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
        )
        assert.match(answer, /^HTTP\/1\.1 400 /, path)
        const code = path.includes("\\") ? "invalid_request" : "invalid_path"
        assert.include(answer, `"code":"${code}"`, path)
      }
    }))

  it("is every path that resolves to another one", () => {
    const part = fc.constantFrom(
      ".",
      "..",
      "%2e",
      "%2E",
      "a",
      "",
      "...",
      ".a",
      "a.",
      "%2e%2ea",
      "%61",
    )
    fc.assert(fc.property(fc.array(part, { maxLength: 6 }), fc.boolean(), (parts, query) => {
      const path = `/${parts.join("/")}`
      const isAnother = new URL(`http://x${path}`).pathname !== path
      assert.strictEqual(hasDotSegment(query ? `${path}?/../` : path), isAnother, path)
    }))
  })

  it.each([
    "/.well-known/jwks.json",
    "/things/1.5",
    "/a..b",
    "/things/?next=/../x",
    "/things/...",
    "/",
  ])(
    "is not %s",
    (path) => assert.isFalse(hasDotSegment(path)),
  )
})
