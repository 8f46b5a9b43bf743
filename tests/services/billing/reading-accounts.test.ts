/** Accounts, from outside: whose they are, who opens them, and what a wallet shows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { randomUUID } from "node:crypto"
import { assertRefused, badBodies } from "../../shared/http/bad-bodies.ts"
import { auths } from "#tests/support/auths-answer.ts"
import { reserve } from "../../shared/reservations/participant.ts"
import {
  type RunningParticipant,
  startParticipant,
} from "../../shared/reservations/running-participant.ts"

/**
 * An auth service as far as billing knows it: its public keys, and the tokens that it gave to
 * users.
 */
const makeAuth = Effect.promise(async () => {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" })
  const stranger = await generateKeyPair("EdDSA", { crv: "Ed25519" })
  const trusted = auths([{ ...(await exportJWK(publicKey)), kid: "one" }])
  const state: { answer: () => Response } = { answer: () => Response.json(trusted) }
  const sign = (
    username: string,
    { key = privateKey, typ = "at+jwt", audience = "unwind-api", expires = "5m" } = {},
  ) =>
    Effect.promise(() =>
      new SignJWT({ sid: randomUUID() }).setProtectedHeader({ alg: "EdDSA", kid: "one", typ })
        .setIssuer("unwind").setAudience(audience).setSubject(username)
        .setJti(randomUUID()).setIssuedAt().setExpirationTime(expires).sign(key)
    )
  return { state, sign, strangersKey: stranger.privateKey }
})

const setUp = Effect.fnUntraced(function* (
  change: (state: { answer: () => Response }) => void = () => {},
) {
  const auth = yield* makeAuth
  change(auth.state)
  const billing = yield* startParticipant("billing", {
    fetch: (request) => {
      assert.match(request.url, /^http:\/\/127\.0\.0\.1\/internal\/jwks\.json(\?after=1)?$/)
      return Promise.resolve(auth.state.answer())
    },
  })
  return { auth, billing }
})

const open = ({ call, token }: RunningParticipant, username: string, email = "a@example.org") =>
  Effect.gen(function* () {
    return yield* call("/api/profiles/", {
      token: yield* token("auth"),
      body: { username, email },
    })
  })

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

  it.live("knows a name in any of its spellings, with what needs escaping too", () =>
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

  it.live("shows another's account to nobody, as if there were none", () =>
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

  it.live("shows an account to no service: nobody but its owner reads it", () =>
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

  it.live("takes no token that auth did not give for this", () =>
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

  it.live("lets nobody in while auth's keys cannot be had, and everybody again afterwards", () =>
    Effect.gen(function* () {
      let well = () => new Response()
      const { auth, billing } = yield* setUp((state) => {
        well = state.answer
        state.answer = () => new Response("not yet", { status: 503 })
      })
      yield* open(billing, "user1")
      const token = yield* auth.sign("user1")
      const status = Effect.map(
        billing.call("/api/accounts/user1", { token }),
        ({ status }) => status,
      )
      for (
        const ill of [
          () => new Response("no", { status: 500 }),
          () => new Response("<html>"),
          () => Response.json({ error: "no keys here" }),
          () => {
            throw new TypeError("fetch failed")
          },
        ]
      ) {
        auth.state.answer = ill
        assert.strictEqual(yield* status, 503, String(ill))
      }
      auth.state.answer = well
      assert.strictEqual(yield* status, 200)
      // With the keys at hand auth may be away.
      auth.state.answer = () => new Response("no", { status: 500 })
      assert.strictEqual(yield* status, 200)
    }))

  it.live("shows the wallet with what orders took, to the minor unit", () =>
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

  it.live("is the only method, and refuses what can be no name", () =>
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

describe("POST /internal/accounts/erase", () => {
  const erase = (
    { call, token }: RunningParticipant,
    username: string,
    caller: "auth" | "orchestrator" = "auth",
  ) =>
    Effect.gen(function* () {
      return yield* call("/internal/accounts/erase", {
        token: yield* token(caller),
        body: { username },
      })
    })

  it.live("takes the e-mail address away and leaves the books as they are, however often", () =>
    Effect.gen(function* () {
      const { billing } = yield* setUp()
      yield* open(billing, "user1")
      yield* open(billing, "user2")
      yield* billing.call("/internal/reservations", {
        token: yield* billing.token("orchestrator"),
        body: { commands: [reserve(1, "user1", 4_000)] },
      })
      const all = () =>
        billing.sql`select username, email, wallet, opening from accounts order by 1`
      const before = yield* Effect.promise(all)
      for (const _ of [1, 2]) {
        const { status, body } = yield* erase(billing, "user1")
        assert.deepStrictEqual([status, body], [200, {}])
      }
      const [user1, user2] = before
      assert.deepStrictEqual([...(yield* Effect.promise(all))], [{ ...user1, email: "" }, user2])
    }))

  it.live("does nothing for a name without an account, and is for auth alone", () =>
    Effect.gen(function* () {
      const { billing } = yield* setUp()
      yield* open(billing, "user1")
      assert.strictEqual((yield* erase(billing, "nobody")).status, 200)
      assert.strictEqual((yield* erase(billing, "user1", "orchestrator")).status, 403)
      const [row] = yield* Effect.promise(() => billing.sql`select email from accounts`)
      assert.strictEqual(row!["email"], "a@example.org")
    }))
})

describe("POST /api/profiles/", () => {
  it.live("opens an account with its wallet once, however often it is asked", () =>
    Effect.gen(function* () {
      const { billing } = yield* setUp()
      const first = yield* open(billing, "user1", "old@example.org")
      assert.deepStrictEqual([first.status, first.body], [201, {
        username: "user1",
        email: "old@example.org",
        wallet: 100,
      }])
      yield* Effect.promise(() => billing.sql`update accounts set wallet = 7`)
      const again = yield* Effect.forEach(
        Array(20).keys(),
        () => open(billing, "user1", "new@example.org"),
        { concurrency: "unbounded" },
      )
      for (const { status, body } of again) {
        assert.deepStrictEqual([status, body], [201, {
          username: "user1",
          email: "new@example.org",
          wallet: 0.07,
        }])
      }
      const { count } = yield* Effect.promise(() => billing.sql`select from accounts`)
      assert.strictEqual(count, 1)
    }))

  it.live("puts into new wallets what the setting says", () =>
    Effect.gen(function* () {
      const billing = yield* startParticipant("billing", {
        environment: { OPENING_WALLET_MINOR: "12345" },
      })
      assert.strictEqual((yield* open(billing, "user1")).body.wallet, 123.45)
    }))

  it.live("is for auth alone: not for users, and not for other services", () =>
    Effect.gen(function* () {
      const { auth, billing } = yield* setUp()
      const { call, token } = billing
      const body = { username: "user1", email: "a@example.org" }
      const status = (signed?: string) =>
        Effect.map(
          call("/api/profiles/", { body, ...(signed !== undefined && { token: signed }) }),
          ({ status }) => status,
        )
      assert.strictEqual(yield* status(), 401)
      assert.strictEqual(yield* status(yield* auth.sign("user1")), 401)
      assert.strictEqual(yield* status(yield* token("orchestrator")), 403)
      assert.strictEqual(yield* status(yield* token("auth")), 201)
    }))

  it.live("refuses what is no profile", () =>
    Effect.gen(function* () {
      const { billing } = yield* setUp()
      const authorization = `Bearer ${yield* billing.token("auth")}`
      for (const bad of badBodies('{"username":"TEXT","email":"a@example.org"}', 16 * 1024)) {
        yield* Effect.promise(() =>
          assertRefused(billing.app, "/api/profiles/", bad, { authorization })
        )
      }
      for (
        const body of [
          { username: "", email: "a" },
          { username: "a".repeat(151), email: "a" },
          { username: "a", email: "a".repeat(255) },
          { username: "a" },
          { username: "a", email: "a", wallet: 1_000_000 },
        ]
      ) {
        const { status } = yield* billing.call("/api/profiles/", {
          body,
          headers: { authorization },
        })
        assert.strictEqual(status, 400, JSON.stringify(body).slice(0, 60))
      }
      const { count } = yield* Effect.promise(() => billing.sql`select from accounts`)
      assert.strictEqual(count, 0)
    }))
})
