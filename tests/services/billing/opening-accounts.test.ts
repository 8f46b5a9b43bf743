/** Accounts as auth opens and erases them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { assertRefused, badBodies } from "../../shared/http/bad-bodies.ts"
import { reserve } from "../../shared/reservations/participant.ts"
import {
  type RunningParticipant,
  startParticipant,
} from "../../shared/reservations/running-participant.ts"
import { open, setUp } from "./running-billing.ts"

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

  it.live("erases the e-mail address and leaves the books unchanged, however often it is called", () =>
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

  it.live("does nothing for a name without an account, and is for auth only", () =>
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
  it.live("opens an account with its wallet once, however often it is called", () =>
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

  it.live("opens an account with the wallet of the setting", () =>
    Effect.gen(function* () {
      const billing = yield* startParticipant("billing", {
        environment: { OPENING_WALLET_MINOR: "12345" },
      })
      assert.strictEqual((yield* open(billing, "user1")).body.wallet, 123.45)
    }))

  it.live("is for auth only, not for users or other services", () =>
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

  it.live("refuses an invalid profile", () =>
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
