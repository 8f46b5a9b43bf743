/**
 * What the gateway of Compose itself refuses: a real nginx answers each with a problem that is as
 * complete as those of the services.
 */
import { Effect, Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { ProblemDetails } from "#shared/http/problem.ts"
import { sendRaw } from "#tests/shared/http/raw.ts"
import { freePort, freePorts } from "#tests/support/free-port.ts"
import { missing, type Program, startGateway, startReplica } from "./programs.ts"

const close = "host: x\r\nconnection: close\r\n"
const post = `POST /api/orders/1 HTTP/1.1\r\n${close}`
const long = "a".repeat(40_000)

const refused: ReadonlyArray<readonly [name: string, text: string, answer: string]> = [
  ["noise", "noise\r\n\r\n", "400 invalid_request"],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", "400 invalid_request"],
  ["two Hosts", `GET / HTTP/1.1\r\nhost: y\r\n${close}\r\n`, "400 invalid_request"],
  [
    "two lengths",
    `${post}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `,
    "400 invalid_request",
  ],
  ["another path", `GET /internal/books HTTP/1.1\r\n${close}\r\n`, "404 not_found"],
  ["TRACE", `TRACE /api/orders/1 HTTP/1.1\r\n${close}\r\n`, "405 method_not_allowed"],
  ["a large body", `${post}content-length: 70000\r\n\r\n`, "413 body_too_large"],
  ["a long header", `GET / HTTP/1.1\r\n${close}x: ${long}\r\n\r\n`, "431 headers_too_large"],
  ["a long target", `GET /${long} HTTP/1.1\r\n${close}\r\n`, "431 headers_too_large"],
  ["another coding", `${post}transfer-encoding: gzip\r\n\r\n`, "501 not_implemented"],
  ["HTTP/2.0", `GET / HTTP/2.0\r\n${close}\r\n`, "505 http_version_not_supported"],
  ["two keys", `${post}idempotency-key: a\r\nidempotency-key: b\r\n\r\n`, "400 duplicate_header"],
]

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(ProblemDetails), {
  onExcessProperty: "error",
})

describe.skipIf(missing.includes("nginx"))("the gateway of Compose (needs nginx)", () => {
  const programs: Array<Program> = []
  let gateway = 0
  const tell = async (text: string) => {
    const { answer } = await Effect.runPromise(sendRaw(gateway, text))
    const [head = "", body = ""] = answer.split("\r\n\r\n")
    const headers = head.split("\r\n").slice(1).map((line) => line.split(/: (.*)/).slice(0, 2))
    return {
      status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
      headers: new Headers(headers as Array<[string, string]>),
      body,
    }
  }

  beforeAll(async () => {
    const replica = await freePorts()
    programs.push(await startReplica("node", replica, { DRAIN: "0 seconds" }))
    gateway = await freePort()
    programs.push(await startGateway(gateway, [replica.public]))
  })
  afterAll(() => Promise.all(programs.map(({ stop }) => stop())))

  it.each(refused)("answers %s with a problem", async (name, text, expected) => {
    const { status, headers, body } = await tell(text)
    assert.match(body, /^\{/, `${name}: ${status} ${body}`)
    const problem = decode(body)
    assert.strictEqual(`${status} ${problem.code}`, expected)
    assert.strictEqual(problem.status, status)
    assert.strictEqual(headers.get("content-type"), "application/problem+json")
    assert.strictEqual(headers.get("x-request-id"), problem.requestId)
    assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
    assert.strictEqual(headers.get("cache-control"), "no-store")
    assert.isNull(headers.get("strict-transport-security"))
  })

  it("quotes the id that a client gave, and passes the same id on", async () => {
    const ask = (path: string, id: string) =>
      tell(`GET ${path} HTTP/1.1\r\n${close}x-request-id: ${id}\r\n\r\n`)
    for (const path of ["/internal/books", "/api/orders/1", "/api/orders/1/nothing"]) {
      const own = await ask(path, "my-request.1")
      assert.strictEqual(own.headers.get("x-request-id"), "my-request.1", path)
      assert.strictEqual(own.headers.get("x-content-type-options"), "nosniff", path)
      const made = await ask(path, '"}{')
      assert.match(made.headers.get("x-request-id") ?? "", /^[\da-f]{32}$/, path)
    }
  })

  it("answers with a problem, and when to retry, if the service is down", async () => {
    await programs[0]!.stop()
    const { status, headers, body } = await tell(`GET /api/orders/1 HTTP/1.1\r\n${close}\r\n`)
    const problem = decode(body)
    assert.deepStrictEqual([status, problem.code], [503, "service_unavailable"])
    assert.strictEqual(headers.get("retry-after"), "1")
    assert.strictEqual(headers.get("x-request-id"), problem.requestId)
    assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
  })
})
