/**
 * What the server itself refuses, on real sockets: each refusal is a complete problem, like every
 * other one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import fc from "fast-check"
import { connect } from "node:net"
import { makeApp } from "#shared/http/app.ts"
import { listen } from "#shared/http/listen.ts"
import { ProblemDetails } from "#shared/http/problem.ts"
import { anyone, guardedRoute } from "#shared/http/route.ts"
import { atLength } from "#tests/support/length.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { sendRaw } from "./raw.ts"

const app = Effect.map(
  makeApp({
    name: "refusing",
    description: "",
    routes: [
      guardedRoute(anyone, {
        method: "POST",
        path: "/things",
        summary: "",
        body: { schema: Schema.Unknown, maxBytes: 64 },
        answer: { status: 201, description: "", schema: Schema.Unknown },
        handle: () => Effect.succeed({ body: "made" }),
      }),
      guardedRoute(anyone, {
        method: "GET",
        path: "/later",
        summary: "",
        answer: { status: 200, description: "", schema: Schema.Unknown },
        handle: () => Effect.delay(Effect.succeed({ body: "late" }), "20 millis"),
      }),
      guardedRoute(anyone, {
        method: "GET",
        path: "/parts",
        summary: "",
        answer: { status: 200, description: "", type: "text/plain" },
        handle: () =>
          Effect.succeed(
            new Response(
              new ReadableStream({
                start: (parts) => parts.enqueue(Buffer.from("the first part")),
              }),
            ),
          ),
      }),
    ],
    ready: {},
  }),
  oneDoor,
)

const started = Effect.flatMap(
  app,
  (app) =>
    listen(app, {
      host: "127.0.0.1",
      port: 0,
      arrivalMs: 300,
      keepAliveMs: 100,
      trustProxy: true,
    }),
)

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(ProblemDetails), {
  onExcessProperty: "error",
})

const assertProblem = (answer: string, name: string) => {
  const [head = "", body = ""] = answer.split("\r\n\r\n")
  const status = Number(/^HTTP\/1\.1 (\d+) \w/.exec(head)?.[1])
  const headers = new Headers(
    head.split("\r\n").slice(1).map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string]),
  )
  const problem = decode(body)
  assert.strictEqual(problem.status, status, name)
  assert.strictEqual(problem.type, `/docs/problems#${problem.code}`)
  assert.match(problem.detail, /^\S.*[.]$/)
  assert.notStrictEqual(problem.title, "Error", name)
  assert.strictEqual(headers.get("content-type"), "application/problem+json", name)
  assert.strictEqual(headers.get("x-request-id"), problem.requestId, name)
  assert.strictEqual(headers.get("x-content-type-options"), "nosniff", name)
  assert.strictEqual(headers.get("cache-control"), "no-store", name)
  assert.isNotNull(headers.get("date"), name)
  return `${status} ${problem.code}`
}

const close = "host: x\r\nconnection: close\r\n"
const long = "a".repeat(20_000)
const post = `POST /things HTTP/1.1\r\n${close}content-type: application/json\r\n`
const chunked = `${post}transfer-encoding: chunked\r\n\r\n`

/** What is sent, and the answer; also Deno's answer where its parser distinguishes less. */
const refused: ReadonlyArray<readonly [name: string, text: string, node: string, deno?: string]> = [
  ["noise", "noise\r\n\r\n", "400 invalid_request"],
  ["TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", "400 invalid_request"],
  ["an unknown method", `FOO / HTTP/1.1\r\n${close}\r\n`, "400 invalid_request"],
  ["a header without a name", `GET / HTTP/1.1\r\n${close}: x\r\n\r\n`, "400 invalid_request"],
  ["a header with NUL", `GET / HTTP/1.1\r\n${close}x: a\0b\r\n\r\n`, "400 invalid_request"],
  ["a target without a slash", `GET x HTTP/1.1\r\n${close}\r\n`, "400 invalid_request"],
  [
    "two lengths",
    `${post}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `,
    "400 invalid_request",
  ],
  [
    "a length beside chunks",
    `${post}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    "400 invalid_request",
  ],
  ["a length that is none", `${post}content-length: two\r\n\r\n{}`, "400 invalid_request"],
  ["another coding", `${post}transfer-encoding: gzip\r\n\r\n{}`, "400 invalid_request"],
  ["a chunk without a size", `${chunked}ZZ\r\n{}\r\n0\r\n\r\n`, "400 invalid_request"],
  [
    "chunks with long extensions",
    `${chunked}2;${long}\r\n{}\r\n0\r\n\r\n`,
    "413 body_too_large",
    "201",
  ],
  ["a long header", `GET / HTTP/1.1\r\n${close}x: ${long}\r\n\r\n`, "431 headers_too_large"],
  ["a long target", `GET /${long} HTTP/1.1\r\n${close}\r\n`, "431 headers_too_large"],
  ["HTTP/9.9", `GET / HTTP/9.9\r\n${close}\r\n`, "505 http_version_not_supported", "400"],
  ["HTTP/2.0", `GET / HTTP/2.0\r\n${close}\r\n`, "505 http_version_not_supported"],
  [
    "the preface of HTTP/2",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "505 http_version_not_supported",
  ],
  ["a tunnel", `CONNECT x:1 HTTP/1.1\r\n${close}\r\n`, "501 not_implemented"],
  ["TRACE", `TRACE /things HTTP/1.1\r\n${close}\r\n`, "405 method_not_allowed"],
  [
    "an expectation",
    `${post}expect: a miracle\r\ncontent-length: 2\r\n\r\n{}`,
    "417 expectation_failed",
  ],
  ["half a request", "GET /things HT", "408 request_timeout"],
  ["half a body", `${post}content-length: 20\r\n\r\n{`, "408 request_timeout"],
  ["no Host", "GET /things HTTP/1.1\r\nconnection: close\r\n\r\n", "400 invalid_host"],
  ["two Hosts", `GET /things HTTP/1.1\r\nhost: y\r\n${close}\r\n`, "400 invalid_host"],
  ["one Host twice", `GET /things HTTP/1.1\r\nHOST: x\r\n${close}\r\n`, "400 invalid_host"],
  ...["Idempotency-Key", "idempotency-key", "Authorization", "Content-Type"].map((header) =>
    [
      `two headers ${header}`,
      `POST /things HTTP/1.1\r\n${close}${header}: a\r\n${header.toUpperCase()}: a\r\n\r\n`,
      "400 duplicate_header",
    ] as const
  ),
  ["a path with dots", `GET /things/.. HTTP/1.1\r\n${close}\r\n`, "400 invalid_path"],
]

const onDeno = "Deno" in globalThis

describe("the server", () => {
  it.live.each(refused)(
    "answers %s with a problem",
    ([name, text, onNode, elsewhere]) =>
      Effect.gen(function* () {
        const expected = onDeno && elsewhere !== undefined ? elsewhere : onNode
        const port = yield* started
        const { answer } = yield* sendRaw(port, text)
        if (expected === "201") assert.include(answer, "HTTP/1.1 201 ")
        else assert.include(assertProblem(answer, name), expected)
        assert.lengthOf(answer.split("HTTP/1.1 ").slice(1), 1, answer)
      }),
  )

  it.live("answers any bytes with the route's answer or one complete problem, and goes on", () =>
    Effect.gen(function* () {
      const port = yield* started
      const right = `${post}content-length: 2\r\n\r\n{}`
      // Behind the last line, so that the connection does not end because of what is left out or
      // put in between.
      const spoilt = fc.tuple(
        fc.constantFrom(right, `${chunked}2\r\n{}\r\n0\r\n\r\n`),
        fc.nat(right.length),
        fc.nat(12),
        fc.oneof(
          fc.constantFrom(
            "",
            "\0",
            "\r",
            "\n",
            "\r\n\r\n",
            " ",
            ":",
            "\t",
            "\x7f",
            "\ufffd",
            "%",
            "?",
          ),
          fc.constantFrom(
            "HTTP/1.0",
            "Upgrade: h2c\r\n",
            "expect: x\r\n",
            "transfer-encoding: x\r\n",
          ),
          fc.string(),
        ),
      ).map(([text, at, length, other]) => text.slice(0, at) + other + text.slice(at + length))
      const seed = Math.trunc(Math.random() * 2 ** 31)
      const texts = fc.sample(spoilt, { numRuns: atLength(100, 1_000), seed })
      // Most unfinished requests are refused only when their time is over.
      const answers = yield* Effect.forEach(texts, (text) => sendRaw(port, text), {
        concurrency: 50,
      })
      for (const [n, { answer }] of answers.entries()) {
        const sent = JSON.stringify([texts[n], answer, seed])
        const [status] = /(?<=^HTTP\/1\.1 )\d+/.exec(answer) ?? [""]
        assert.match(status, /^(201|4\d\d|501|505)$/, sent)
        // The next answer, if any, is to the rest of the text.
        if (status !== "201") assertProblem(answer.split(/(?<=\})(?=HTTP)/)[0]!, sent)
      }
      assert.include((yield* sendRaw(port, right)).answer, "HTTP/1.1 201 ")
    }))

  it.live("writes no problem into the middle of an answer", () =>
    Effect.gen(function* () {
      const port = yield* started
      const answer = yield* Effect.promise(() =>
        new Promise<string>((resolve) => {
          let all = ""
          const socket = connect(port, "127.0.0.1").setEncoding("utf8")
          socket.write("GET /parts HTTP/1.1\r\nhost: x\r\n\r\n")
          socket.on("data", (part) => {
            if (!all.includes("the first part") && part.includes("the first part")) {
              socket.write("noise\r\n\r\n")
            }
            all += part
          })
          socket.on("error", () => {})
          socket.on("close", () => resolve(all))
        })
      )
      assert.include(answer, "the first part")
      assert.notInclude(answer, "problem")
    }))

  it.live("refuses an expectation in its turn, after the requests before it", () =>
    Effect.gen(function* () {
      const port = yield* started
      const first = "GET /later HTTP/1.1\r\nhost: x\r\n\r\n"
      const { answer } = yield* sendRaw(
        port,
        `${first}${post}expect: a miracle\r\ncontent-length: 2\r\n\r\n{}`,
      )
      assert.match(answer, /^HTTP\/1\.1 200 .*HTTP\/1\.1 417 /s)
    }))

  it.live("accepts everything that a client may send", () =>
    Effect.gen(function* () {
      const port = yield* started
      const key = "idempotency-key: a, b\r\nx-other: 1\r\nx-other: 2\r\n"
      const { answer } = yield* sendRaw(port, `${post}${key}content-length: 2\r\n\r\n{}`)
      assert.include(answer, "HTTP/1.1 201 ")
      const awaited = `${post}expect: 100-continue\r\ncontent-length: 2\r\n\r\n{}`
      assert.include((yield* sendRaw(port, awaited)).answer, "HTTP/1.1 201 ")
    }))
})

describe("an answer", () => {
  const asked = (port: number, path: string, headers: Record<string, string>) =>
    Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`, { headers }))

  it.live("demands TLS from now on if it came by TLS, as a trusted proxy says, and only then", () =>
    Effect.gen(function* () {
      const trusting = yield* started
      const alone = yield* Effect.flatMap(app, (app) => listen(app, { host: "127.0.0.1", port: 0 }))
      for (const path of ["/livez", "/nothing"]) {
        for (
          const [port, proto, expected] of [
            [trusting, "https", "max-age=31536000"],
            [trusting, "http, https", "max-age=31536000"],
            [trusting, "http", null],
            [trusting, "https, http", null],
            [trusting, "", null],
            [alone, "https", null],
          ] as const
        ) {
          const { headers } = yield* asked(port, path, { "x-forwarded-proto": proto })
          assert.strictEqual(headers.get("strict-transport-security"), expected, proto)
        }
      }
    }))

  it.live("of every kind forbids browsers to guess its type", () =>
    Effect.gen(function* () {
      const port = yield* started
      const paths = ["/livez", "/readyz", "/metrics", "/openapi.json", "/openapi/refusing.json"]
      for (const path of [...paths, "/nothing", "/things", "/things/.."]) {
        const { headers } = yield* asked(port, path, {})
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff", path)
      }
    }))
})
