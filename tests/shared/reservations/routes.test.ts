/** The internal door of the three participants, from outside. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SignJWT } from "jose"
import { assertRefused, badBodies } from "../http/bad-bodies.ts"
import { assertDescribes } from "../http/openapi-rules.ts"
import { onlooker } from "../postgres/open-database.ts"
import { openLine } from "../postgres/line.ts"
import { order, reserve } from "./participant.ts"
import {
  type ParticipantName,
  type RunningParticipant,
  startParticipant,
  type TokenParts,
} from "./running-participant.ts"

const path = "/internal/reservations"
const one = { commands: [reserve(1, "1")] }

const doors = [
  `POST ${path}`,
  `GET ${path}`,
  "GET /internal/books",
  "POST /internal/forget",
  "GET /internal/forgotten",
  "GET /internal/stock",
  "GET /internal/adjustments",
  "POST /internal/adjustments",
  "POST /internal/records",
]

const participants: ReadonlyArray<{
  readonly name: ParticipantName
  readonly resource: string
  readonly open: ReadonlyArray<string>
  readonly internal: ReadonlyArray<string>
}> = [
  {
    name: "billing",
    resource: "ann",
    open: ["GET /api/accounts/{username}"],
    internal: ["POST /api/profiles/", "POST /internal/accounts/erase", ...doors],
  },
  { name: "items", resource: "1", open: [], internal: doors },
  { name: "slots", resource: "09:00", open: [], internal: doors },
]

/** Opens the account that billing needs; items and slots have stock already. */
const prepare = ({ call, token }: RunningParticipant, name: ParticipantName) =>
  Effect.gen(function* () {
    if (name !== "billing") return
    const auth = yield* token("auth")
    const body = { username: "ann", email: "ann@example.org" }
    const { status } = yield* call("/api/profiles/", { token: auth, body })
    assert.strictEqual(status, 201)
  })

describe("POST /internal/reservations", () => {
  for (const { name, resource, open, internal } of participants) {
    it.live(`of ${name} answers the orchestrator, in order`, () =>
      Effect.gen(function* () {
        const running = yield* startParticipant(name)
        yield* prepare(running, name)
        const token = yield* running.token("orchestrator")
        const commands = [
          reserve(1, resource),
          reserve(2, "nothing like it"),
          { ...reserve(1, resource), action: "cancel" },
          reserve(1, resource),
          reserve(3, resource, 2),
          reserve(3, resource),
        ]
        for (const spelled of [path, `${path}/`]) {
          const { status, body } = yield* running.call(spelled, { token, body: { commands } })
          assert.strictEqual(status, 200)
          assert.deepStrictEqual(body, {
            outcomes: [
              { orderId: order(1), outcome: spelled === path ? "reserved" : "cancelled" },
              { orderId: order(2), outcome: "rejected" },
              { orderId: order(1), outcome: "cancelled" },
              { orderId: order(1), outcome: "cancelled" },
              { orderId: order(3), outcome: "reserved" },
              { orderId: order(3), outcome: "mismatch" },
            ],
          })
        }
      }))

    it.live(`of ${name} is described in its OpenAPI document`, () =>
      Effect.gen(function* () {
        const { call } = yield* startParticipant(name)
        const { status, body } = yield* call("/openapi.json")
        assert.strictEqual(status, 200)
        assertDescribes(body, [...open, ...internal])
        assert.deepStrictEqual(body.paths[path].post.security, [{ service: ["orchestrator"] }])
        const { body: shown } = yield* call(`/openapi/${name}.json`)
        assertDescribes(shown, open)
      }))
  }

  const wrongTokens: Readonly<Record<string, TokenParts>> = {
    "that has expired": { issuedAt: -420, expires: -390 },
    "that is older than a token may be": { issuedAt: -420, expires: 60 },
    "from the future": { issuedAt: 360, expires: 390 },
    "without an end": { expires: null },
    "without a beginning": { issuedAt: null },
    "without an issuer": { issuer: "" },
    "for another service": { audience: "slots" },
    "of another type": { header: { typ: "JWT" } },
    "of a user's type": { header: { typ: "at+jwt" } },
    "in another's name": { issuer: "auth" },
    "with another's key id": { header: { kid: "auth" } },
    "with another's key id and name": { issuer: "auth", header: { kid: "auth" } },
    "with the id of no key": { header: { kid: "nobody" } },
  }
  it.live("accepts a token that its caller signed for this service, just now, and no other", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("items")
      const status = (authorization?: string) =>
        Effect.map(
          call(path, { body: one, headers: authorization === undefined ? {} : { authorization } }),
          ({ status, headers, body }) => {
            if (status === 401) {
              assert.strictEqual(headers.get("www-authenticate"), "Bearer")
              assert.strictEqual(headers.get("content-type"), "application/problem+json")
              assert.strictEqual(body.code, "unauthenticated")
            }
            return status
          },
        )
      const good = yield* token("orchestrator")
      assert.strictEqual(yield* status(`Bearer ${good}`), 200)
      assert.strictEqual(yield* status(`bearer ${good}`), 200)
      for (const [what, parts] of Object.entries(wrongTokens)) {
        const wrong = yield* token("orchestrator", parts)
        assert.strictEqual(yield* status(`Bearer ${wrong}`), 401, what)
      }
      const [header = "", payload = "", signature = ""] = good.split(".")
      const unsigned = Buffer.from('{"alg":"none","kid":"orchestrator","typ":"svc+jwt"}')
      const symmetric = yield* Effect.promise(() =>
        new SignJWT({}).setProtectedHeader({ alg: "HS256", kid: "orchestrator", typ: "svc+jwt" })
          .setIssuer("orchestrator").setAudience("items").setIssuedAt().setExpirationTime("1m")
          .sign(new TextEncoder().encode("a public key is no secret, nobody signs with it"))
      )
      for (
        const wrong of [
          undefined,
          "",
          "Bearer",
          "Bearer x",
          "Bearer a.b.c",
          `Basic ${good}`,
          good,
          `Bearer ${good} ${good}`,
          `Bearer ${good}x`,
          `Bearer ${header}.${payload}.`,
          `Bearer ${header}.${payload}.${signature.slice(0, -4)}AAAA`,
          `Bearer ${unsigned.toString("base64url")}.${payload}.AA`,
          `Bearer ${symmetric}`,
          `Bearer ${"a".repeat(5_000)}.${payload}.${signature}`,
        ]
      ) assert.strictEqual(yield* status(wrong), 401, wrong)
    }))

  it.live("is forbidden to other services", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("slots")
      const answer = yield* call(path, { token: yield* token("auth"), body: one })
      assert.strictEqual(answer.status, 403)
      assert.strictEqual(answer.body.code, "forbidden")
    }))

  it.live("refuses malformed requests before it changes anything", () =>
    Effect.gen(function* () {
      const { app, call, token, sql } = yield* startParticipant("items")
      const authorization = `Bearer ${yield* token("orchestrator")}`
      const text = JSON.stringify(one).replace('"1"', '"TEXT"')
      for (const bad of badBodies(text, 1024 * 1024)) {
        yield* Effect.promise(() => assertRefused(app, path, bad, { authorization }))
      }
      const [command] = one.commands
      const wrong: Readonly<Record<string, unknown>> = {
        "no commands": { commands: [] },
        "1001 commands": { commands: Array(1001).fill(command) },
        "commands that are none": { commands: {} },
        "an unknown field": { ...one, dryRun: true },
        "an unknown field of a command": { commands: [{ ...command, force: true }] },
        "another action": { commands: [{ ...command, action: "commit" }] },
        "an id in capitals": { commands: [{ ...command, orderId: order(0xab).toUpperCase() }] },
        "an id that is none": { commands: [{ ...command, orderId: "1" }] },
        "an empty resource": { commands: [{ ...command, resource: "" }] },
        "a long resource": { commands: [{ ...command, resource: "x".repeat(151) }] },
        "a number for a resource": { commands: [{ ...command, resource: 1 }] },
        "nothing": { commands: [{ ...command, quantity: 0 }] },
        "less than nothing": { commands: [{ ...command, quantity: -1 }] },
        "a part of one": { commands: [{ ...command, quantity: 0.5 }] },
        "more than can be counted": { commands: [{ ...command, quantity: 2 ** 53 }] },
        "a text for a quantity": { commands: [{ ...command, quantity: "1" }] },
        "one bad among good ones": { commands: [command, { ...command, quantity: 0 }] },
      }
      for (const [what, body] of Object.entries(wrong)) {
        const answer = yield* call(path, { headers: { authorization }, body })
        assert.strictEqual(answer.status, 400, what)
        assert.strictEqual(answer.body.code, "invalid_request", what)
        assert.isNotEmpty(answer.body.errors, what)
      }
      const { count } = yield* Effect.promise(() => sql`select from reservations`)
      assert.strictEqual(count, 0)
      const most = { commands: Array.from({ length: 1000 }, (_, n) => reserve(n, "1")) }
      const full = yield* call(path, { headers: { authorization }, body: most })
      assert.deepStrictEqual([full.status, full.body.outcomes.length], [200, 1000])
    }))

  it.live("has no method but POST, and the participants have no other paths", () =>
    Effect.gen(function* () {
      const { call } = yield* startParticipant("slots")
      for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const { status, headers } = yield* call(path, { method })
        assert.deepStrictEqual([status, headers.get("allow")], [405, "POST, GET, HEAD"], method)
      }
      for (
        const missing of ["/", "/internal", `${path}/1`, "/api/profiles/", "/api/accounts/ann"]
      ) {
        const { status, headers } = yield* call(missing)
        assert.strictEqual(status, 404, missing)
        assert.strictEqual(headers.get("content-type"), "application/problem+json")
      }
    }))

  it.live("does not reveal a defect", () =>
    Effect.gen(function* () {
      const { call, token, sql, databaseUrl } = yield* startParticipant("items")
      const orchestrator = yield* token("orchestrator")
      yield* Effect.promise(() => sql`drop table reservations`)
      const { status, text, headers } = yield* call(path, { token: orchestrator, body: one })
      assert.strictEqual(status, 500)
      assert.strictEqual(headers.get("content-type"), "application/problem+json")
      assert.notMatch(text, /reservations|relation|select|42P01|postgres|\.ts|\bat\b|stack/i)
      assert.notInclude(text, new URL(databaseUrl).host)
    }))
})

describe("a participant", () => {
  it.live("is ready while its database is, and says why when it is not", () =>
    Effect.gen(function* () {
      const lines: Array<Effect.Success<ReturnType<typeof openLine>>> = []
      const { call, token, databaseUrl } = yield* startParticipant("items", {
        via: (url) =>
          Effect.map(openLine(url), (line) => {
            lines.push(line)
            return line.url
          }),
      })
      const orchestrator = yield* token("orchestrator")
      const [line] = lines
      if (line === undefined) return assert.fail("there is no line")
      assert.strictEqual((yield* call("/livez")).status, 200)
      assert.deepStrictEqual((yield* call("/readyz")).body, {
        status: "ready",
        service: "items",
        checks: { database: "ok" },
      })

      line.become = "hanging up"
      line.reset()
      const ill = yield* call("/readyz")
      assert.deepStrictEqual([ill.status, ill.body.status], [503, "not ready"])
      assert.match(ill.body.checks.database, /^The database (did not answer|cannot be used now)/)
      assert.notInclude(ill.text, new URL(databaseUrl).host)
      assert.strictEqual((yield* call("/livez")).status, 200)
      const refused = yield* call(path, { token: orchestrator, body: one })
      assert.strictEqual(refused.status, 503)
      assert.strictEqual(refused.headers.get("retry-after"), "1")

      line.become = "open"
      assert.strictEqual((yield* call("/readyz")).status, 200)
      assert.strictEqual((yield* call(path, { token: orchestrator, body: one })).status, 200)
    }))

  it.live("is not ready, and says so, when its database is gone for good", () =>
    Effect.gen(function* () {
      const { call, sql, databaseUrl } = yield* startParticipant("slots")
      const name = new URL(databaseUrl).pathname.slice(1)
      yield* Effect.promise(() => sql.end({ timeout: 1 }))
      const server = new URL(databaseUrl)
      server.pathname = "postgres"
      const admin = yield* onlooker(server.href)
      yield* Effect.promise(() => admin.unsafe(`drop database "${name}" with (force)`))
      const ill = yield* call("/readyz")
      assert.deepStrictEqual([ill.status, ill.body.status], [503, "not ready"])
      assert.notInclude(ill.text, name)
    }))

  it.live("counts its requests", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("items")
      yield* call(path, { token: yield* token("orchestrator"), body: one })
      const { text } = yield* call("/metrics")
      assert.match(
        text,
        /http_request_duration_seconds_count\{.*route="POST \/internal\/reservations".*\} \d+/,
      )
    }))
})
