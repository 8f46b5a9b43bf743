/** Deleting an account: when it is refused, what ends at once, and what is erased later. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt } from "jose"
import { isDown, losesAnswers } from "./billing-double.ts"
import {
  ann,
  annsTokens,
  asTimePasses,
  logIn,
  type Pair,
  type RunningAuth,
  signUp,
  startAuth,
} from "./running-auth.ts"

const remove = ({ call }: RunningAuth, { access }: Pair, password = ann.password) =>
  call("/api/auth/users/me/delete/", { token: access, body: { password } })
const status = ({ call }: RunningAuth, path: string, body: unknown) =>
  Effect.map(call(path, { body }), ({ status }) => status)
const row = ({ sql }: RunningAuth) =>
  Effect.promise(async () => {
    const [user] = await sql<[{ email: string; password_hash: string; username: string }]>`
      select username, email, password_hash from users`
    return user
  })
/** Lets time pass until no token can be valid any more. */
const later = TestClock.adjust("15 minutes")

describe("POST /api/auth/users/me/delete/", () => {
  it.effect("closes the account at once: no session and no log-in, as for an unknown user", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const phone = yield* annsTokens(auth)
      const laptop = (yield* logIn(auth)).body as Pair
      const { status: answered, body } = yield* remove(auth, phone)
      assert.deepStrictEqual([answered, body.username], [202, "ann"])
      assert.isAbove(Date.parse(body.erasedFrom), 0)
      for (const { access, refresh } of [phone, laptop]) {
        assert.strictEqual(yield* status(auth, "/api/token/refresh/", { refresh }), 401)
        assert.strictEqual(yield* status(auth, "/api/token/verify/", { token: access }), 401)
        assert.strictEqual((yield* auth.call("/api/auth/users/me/", { token: access })).status, 401)
      }
      const [mine, nobodys] = [yield* logIn(auth), yield* logIn(auth, { ...ann, username: "bob" })]
      assert.deepStrictEqual([mine.status, mine.body], [401, nobodys.body])
      assert.strictEqual((yield* remove(auth, phone)).status, 401)
      const ended = yield* Effect.promise(() => auth.sql`select from ended_sessions`)
      assert.strictEqual(ended.length, 2)
    }))

  it.effect("is refused while orders are unfinished, and then changes nothing", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      auth.orders.unfinished.add("ann")
      const { status: answered, body } = yield* remove(auth, pair)
      assert.deepStrictEqual([answered, body.code], [409, "orders_unfinished"])
      assert.strictEqual(
        yield* status(auth, "/api/token/refresh/", { refresh: pair.refresh }),
        200,
      )
      auth.orders.unfinished.clear()
      assert.strictEqual((yield* remove(auth, pair)).status, 202)
    }))

  it.effect("needs the password, and calls orders only with the right one", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      const { status: answered, body } = yield* remove(auth, pair, "a wrong guess")
      assert.deepStrictEqual([answered, body.code], [403, "wrong_password"])
      assert.deepStrictEqual(auth.orders.asked, [])
      assert.strictEqual((yield* logIn(auth)).status, 200)
    }))

  it.effect("closes nothing while orders cannot be reached", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      auth.orders.isDown = true
      assert.strictEqual((yield* remove(auth, pair)).status, 503)
      assert.strictEqual((yield* logIn(auth)).status, 200)
    }))
})

describe("the personal data of a deleted account", () => {
  it.effect("is erased here and at billing once all tokens have expired, and not before", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      const { body } = yield* remove(auth, pair)
      // The tokens have expired even at a service whose clock is a minute behind.
      assert.isAtLeast(Date.parse(body.erasedFrom), (decodeJwt(pair.access).exp! + 60) * 1000)
      yield* TestClock.adjust(Date.parse(body.erasedFrom) - 1)
      yield* auth.upkeep
      assert.strictEqual((yield* row(auth)).email, ann.email)
      yield* TestClock.adjust(1)
      yield* auth.upkeep
      assert.deepStrictEqual(yield* row(auth), { username: "ann", email: "", password_hash: "" })
      // The account stays on the books, with its wallet.
      assert.deepStrictEqual(auth.billing.accounts.get("ann"), { email: "", wallet: 100 })
    }))

  it.effect("is kept while an order that was placed at the last moment is unfinished", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* remove(auth, yield* annsTokens(auth))
      auth.orders.unfinished.add("ann")
      yield* later
      yield* auth.upkeep
      assert.strictEqual(auth.billing.accounts.get("ann")!.email, ann.email)
      auth.orders.unfinished.clear()
      yield* later
      yield* auth.upkeep
      assert.strictEqual(auth.billing.accounts.get("ann")!.email, "")
    }))

  it.effect("is erased in the end, even when services fail or lose their answers meanwhile", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* remove(auth, yield* annsTokens(auth))
      yield* later
      auth.orders.isDown = true
      yield* asTimePasses(auth.upkeep)
      auth.orders.isDown = false
      for (const conduct of [isDown, losesAnswers]) {
        auth.billing.conduct = conduct
        yield* asTimePasses(auth.upkeep)
        assert.strictEqual((yield* row(auth)).email, ann.email)
      }
      auth.billing.conduct = (open) => Promise.resolve(open())
      yield* (yield* auth.replica).upkeep
      assert.strictEqual((yield* row(auth)).email, "")
    }))

  it.effect("never frees the name: nobody can sign up with it, before or after the erasure", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* remove(auth, yield* annsTokens(auth))
      const heir = { ...ann, password: "the password of an heir", email: "heir@example.org" }
      for (const wait of ["1 second", "1 hour", "400 days"] as const) {
        yield* TestClock.adjust(wait)
        yield* auth.upkeep
        const { status: answered, body } = yield* signUp(auth, heir)
        assert.deepStrictEqual([answered, body.code], [409, "username_taken"])
        assert.strictEqual((yield* logIn(auth, heir)).status, 401)
      }
      assert.strictEqual((yield* row(auth)).email, "")
    }))
})
