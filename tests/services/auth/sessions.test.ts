/** Sessions over HTTP: refreshes, lost answers, stolen tokens, and checks of tokens. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  ann,
  annsTokens,
  type Answer,
  logIn,
  type Pair,
  type RunningAuth,
  startAuth,
} from "./running-auth.ts"

const refresh = ({ call }: RunningAuth, token: string) =>
  call("/api/token/refresh/", { body: { refresh: token } })
const verify = ({ call }: RunningAuth, token: string) =>
  call("/api/token/verify/", { body: { token } })
const next = (auth: RunningAuth, { refresh: token }: Pair) =>
  Effect.map(refresh(auth, token), ({ status, body }) => {
    assert.strictEqual(status, 200)
    return body as Pair
  })
const assertRefused = ({ status, body }: Answer) =>
  assert.deepStrictEqual([status, body.code], [401, "unauthenticated"])
const sessions = ({ sql }: RunningAuth) =>
  sql`select count(*)::int as n from sessions`.then(([row]) => row?.n as number)

describe("POST /api/token/refresh/", () => {
  it.effect("replaces both tokens by new valid ones", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const first = yield* annsTokens(auth)
      const second = yield* next(auth, first)
      assert.notStrictEqual(second.access, first.access)
      assert.notStrictEqual(second.refresh, first.refresh)
      const { status, body } = yield* auth.call("/api/auth/users/me/", { token: second.access })
      assert.deepStrictEqual([status, body.username], [200, "ann"])
      yield* next(auth, second)
    }))

  it.effect("gives the same successor for ten seconds, so a lost answer logs nobody out", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const first = yield* annsTokens(auth)
      const lost = yield* next(auth, first)
      yield* TestClock.adjust("10 seconds")
      const again = yield* next(yield* auth.replica, first)
      assert.strictEqual(again.refresh, lost.refresh)
      yield* TestClock.adjust("1 hour")
      yield* next(auth, again)
    }))

  it.effect("gives one successor to fifty simultaneous requests", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const replica = yield* auth.replica
      const first = yield* annsTokens(auth)
      const pairs = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, n) => n % 2 ? auth : replica),
        (auth) => next(auth, first),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(new Set(pairs.map((pair) => pair.refresh)).size, 1)
      yield* next(auth, pairs[0]!)
    }))

  it.effect("ends the session when a replaced token is used after the ten seconds", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const stolen = yield* annsTokens(auth)
      const successor = yield* next(auth, stolen)
      yield* TestClock.adjust("10001 millis")
      assertRefused(yield* refresh(auth, stolen.refresh))
      assertRefused(yield* refresh(auth, successor.refresh))
      assertRefused(yield* verify(auth, successor.refresh))
    }))

  it.effect("ends the session when a token older than the previous one is used, however soon", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const first = yield* annsTokens(auth)
      const third = yield* next(auth, yield* next(auth, first))
      assertRefused(yield* refresh(auth, first.refresh))
      assertRefused(yield* refresh(auth, third.refresh))
    }))

  it.effect("ends no other session of the user", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const phone = yield* annsTokens(auth)
      const laptop = (yield* logIn(auth)).body as Pair
      yield* next(auth, yield* next(auth, phone))
      assertRefused(yield* refresh(auth, phone.refresh))
      yield* next(auth, laptop)
    }))

  it.effect("keeps a session alive until a week after its last use", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      let pair = yield* annsTokens(auth)
      for (let n = 0; n < 3; n++) {
        yield* TestClock.adjust("6 days")
        pair = yield* next(auth, pair)
      }
      yield* TestClock.adjust("7 days")
      assertRefused(yield* refresh(auth, pair.refresh))
    }))

  it.effect("ends sessions after the lifetime in the settings", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({
        ACCESS_TOKEN_LIFETIME: "30 seconds",
        REFRESH_TOKEN_LIFETIME: "1 minute",
      })
      const pair = yield* annsTokens(auth)
      yield* TestClock.adjust("40 seconds")
      assertRefused(yield* auth.call("/api/auth/users/me/", { token: pair.access }))
      assert.strictEqual((yield* verify(auth, pair.refresh)).status, 200)
      yield* TestClock.adjust("20 seconds")
      assertRefused(yield* refresh(auth, pair.refresh))
    }))

  it.effect("deletes sessions that have expired", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* annsTokens(auth)
      assert.strictEqual(yield* Effect.promise(() => sessions(auth)), 1)
      yield* TestClock.adjust("7 days")
      yield* auth.upkeep
      assert.strictEqual(yield* Effect.promise(() => sessions(auth)), 0)
    }))

  it.effect("refuses an access token, garbage, and other bodies", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { access, refresh: token } = yield* annsTokens(auth)
      for (const wrong of [access, "", "x", "a.b.c", `${token}x`, token.slice(0, -4)]) {
        assertRefused(yield* refresh(auth, wrong))
      }
      for (const body of [{}, { refresh: null }, { refresh: token, more: 1 }, { token }]) {
        assert.strictEqual((yield* auth.call("/api/token/refresh/", { body })).status, 400)
      }
      yield* next(auth, { access, refresh: token })
    }))
})

describe("POST /api/token/verify/", () => {
  it.effect("accepts both tokens of a live session", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      for (const token of [pair.access, pair.refresh]) {
        const { status, body } = yield* verify(auth, token)
        assert.deepStrictEqual([status, body], [200, {}])
      }
    }))

  it.effect("refuses an expired token, a replaced one and garbage in the same way", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const old = yield* annsTokens(auth)
      const fresh = yield* next(auth, old)
      yield* TestClock.adjust("11 minutes")
      const answers = yield* Effect.forEach(
        [old.refresh, old.access, fresh.access, "", "x.y.z", ann.password],
        (token) => verify(auth, token),
      )
      for (const answer of answers) {
        assertRefused(answer)
        assert.deepStrictEqual(answer.body, answers[0]!.body)
      }
      // A check is not a use: the session stays alive.
      assert.strictEqual((yield* verify(auth, fresh.refresh)).status, 200)
    }))
})
