/** Accounts as their owners read them: who may read one, and what its wallet shows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { reserve } from "../../shared/reservations/participant.ts"
import { open, setUp } from "./running-billing.ts"

describe("GET /api/accounts/{username}", () => {
  it.live("shows users their own account, with and without a trailing slash", () =>
    Effect.gen(function* () {
      const { auth, billing } = yield* setUp()
      yield* open(billing, "user1", "user1@example.org")
      const token = yield* auth.sign("user1")
      for (const path of ["/api/accounts/user1", "/api/accounts/user1/"]) {
        const { status, body, headers } = yield* billing.call(path, { token })
        assert.strictEqual(status, 200)
        assert.deepStrictEqual(body, {
          username: "user1",
          email: "user1@example.org",
          wallet: 100,
        })
        assert.strictEqual(headers.get("cache-control"), "no-store")
      }
    }))

  it.live("knows a name in any normal form, even with characters that need escaping", () =>
    Effect.gen(function* () {
      const { auth, billing } = yield* setUp()
      for (const name of ["zo\u00eb/../x", "100%", "__proto__", "a b+c", "名前😀"]) {
        yield* open(billing, name)
        const token = yield* auth.sign(name)
        const spelled = encodeURIComponent(name.normalize("NFD"))
        const { status, body } = yield* billing.call(`/api/accounts/${spelled}`, { token })
        assert.deepStrictEqual([status, body.username], [200, name])
      }
    }))

  it.live("answers the same 404 for another user's account and for none", () =>
    Effect.gen(function* () {
      const { auth, billing } = yield* setUp()
      yield* open(billing, "user1")
      const token = yield* auth.sign("user2")
      const answers = yield* Effect.forEach(
        ["user1", "nobody", "user2"],
        (name) =>
          billing.call(`/api/accounts/${name}`, { token, headers: { "x-request-id": "same" } }),
      )
      assert.deepStrictEqual(answers.map(({ status }) => status), [404, 404, 404])
      const [another, unknown, own] = answers.map(({ text }) => text)
      assert.strictEqual(another, unknown)
      assert.strictEqual(own, unknown)
    }))

  it.live("shows an account to no service, but to its owner only", () =>
    Effect.gen(function* () {
      const { billing } = yield* setUp()
      const { call, token } = billing
      yield* open(billing, "user1")
      const status = (service: "orchestrator" | "auth" | "items") =>
        Effect.gen(function* () {
          // Items has no key, so it can only sign with another's.
          const signed = service === "items"
            ? yield* token("auth", { issuer: "items", header: { kid: "items" } })
            : yield* token(service)
          return (yield* call("/api/accounts/user1", { token: signed })).status
        })
      assert.strictEqual(yield* status("orchestrator"), 401)
      assert.strictEqual(yield* status("auth"), 401)
      assert.strictEqual(yield* status("items"), 401)
    }))

  it.live("refuses tokens that auth did not give to users of the API", () =>
    Effect.gen(function* () {
      const { auth, billing } = yield* setUp()
      yield* open(billing, "user1")
      const wrong = [
        undefined,
        "a.b.c",
        yield* auth.sign("user1", { key: auth.strangersKey }),
        yield* auth.sign("user1", { typ: "JWT" }),
        yield* auth.sign("user1", { typ: "svc+jwt" }),
        yield* auth.sign("user1", { audience: "other" }),
        yield* auth.sign("user1", { expires: "-1m" }),
      ]
      for (const [n, token] of wrong.entries()) {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
        const { status } = yield* billing.call("/api/accounts/user1", { headers })
        assert.strictEqual(status, 401, `token ${n}`)
      }
    }))

  it.live("answers 503 until auth's public keys can be read", () =>
    Effect.gen(function* () {
      let working = () => new Response()
      const { auth, billing } = yield* setUp((state) => {
        working = state.answer
        state.answer = () => new Response("not yet", { status: 503 })
      })
      yield* open(billing, "user1")
      const token = yield* auth.sign("user1")
      const status = Effect.map(
        billing.call("/api/accounts/user1", { token }),
        ({ status }) => status,
      )
      for (
        const broken of [
          () => new Response("no", { status: 500 }),
          () => new Response("<html>"),
          () => Response.json({ error: "no keys here" }),
          () => {
            throw new TypeError("fetch failed")
          },
        ]
      ) {
        auth.state.answer = broken
        assert.strictEqual(yield* status, 503, String(broken))
      }
      auth.state.answer = working
      assert.strictEqual(yield* status, 200)
      // Billing remembers the keys, so auth may be unavailable.
      auth.state.answer = () => new Response("no", { status: 500 })
      assert.strictEqual(yield* status, 200)
    }))

  it.live("shows the wallet less what orders reserved, to the minor unit", () =>
    Effect.gen(function* () {
      const { auth, billing } = yield* setUp()
      yield* open(billing, "user1")
      const orchestrator = yield* billing.token("orchestrator")
      const body = { commands: [reserve(1, "user1", 99_99)] }
      const { body: answer } = yield* billing.call("/internal/reservations", {
        token: orchestrator,
        body,
      })
      assert.strictEqual(answer.outcomes[0].outcome, "reserved")
      const token = yield* auth.sign("user1")
      assert.strictEqual((yield* billing.call("/api/accounts/user1", { token })).body.wallet, 0.01)
    }))

  it.live("is the only method, and refuses impossible names", () =>
    Effect.gen(function* () {
      const { auth, billing } = yield* setUp()
      const { status, headers } = yield* billing.call("/api/accounts/user1", { method: "DELETE" })
      assert.deepStrictEqual([status, headers.get("allow")], [405, "GET, HEAD"])
      const token = yield* auth.sign("user1")
      for (const name of ["%00", "a".repeat(151)]) {
        assert.strictEqual((yield* billing.call(`/api/accounts/${name}`, { token })).status, 400)
      }
      assert.strictEqual((yield* billing.call("/api/accounts/", { token })).status, 404)
    }))
})
