/** How sessions end: by a log-out, from the list, all together, by age and by number. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt } from "jose"
import {
  ann,
  annsTokens,
  type Answer,
  logIn,
  type Pair,
  type RunningAuth,
  signUp,
  startAuth,
} from "./running-auth.ts"

const bob = { ...ann, username: "bob", email: "bob@example.org" }
const list = "/api/auth/sessions/"

const refresh = ({ call }: RunningAuth, token: string) =>
  call("/api/token/refresh/", { body: { refresh: token } })
const logOut = ({ call }: RunningAuth, token: string) =>
  call("/api/token/logout/", { body: { refresh: token } })
const sessions = ({ call }: RunningAuth, { access }: Pair) => call(list, { token: access })
const end = ({ call }: RunningAuth, { access }: Pair, id = "") =>
  call(id === "" ? list : `${list}${id}/`, { method: "DELETE", token: access })
const anotherLogIn = (auth: RunningAuth, user = ann, address?: string) =>
  Effect.map(logIn(auth, user, address === undefined ? {} : { address }), ({ status, body }) => {
    assert.strictEqual(status, 200)
    return body as Pair
  })
const idOf = ({ access }: Pair) => decodeJwt(access)["sid"] as string

const assertRefused = ({ status, body }: Answer) =>
  assert.deepStrictEqual([status, body.code], [401, "unauthenticated"])

/** Asserts that auth accepts neither token of the pair for any purpose. */
const assertOver = (auth: RunningAuth, pair: Pair) =>
  Effect.gen(function* () {
    assertRefused(yield* sessions(auth, pair))
    assertRefused(yield* auth.call("/api/auth/users/me/", { token: pair.access }))
    for (const token of [pair.access, pair.refresh]) {
      assertRefused(yield* auth.call("/api/token/verify/", { body: { token } }))
    }
    assertRefused(yield* refresh(auth, pair.refresh))
  })
const assertLive = (auth: RunningAuth, pair: Pair) =>
  Effect.gen(function* () {
    assert.strictEqual((yield* sessions(auth, pair)).status, 200)
    for (const token of [pair.access, pair.refresh]) {
      const { status } = yield* auth.call("/api/token/verify/", { body: { token } })
      assert.strictEqual(status, 200)
    }
  })

/**
 * The ended sessions that are announced to services, with the seconds from their end until their
 * last token expires.
 */
const announced = ({ sql }: RunningAuth) =>
  Effect.promise(async () =>
    new Map(
      (await sql<Array<{ session: string; seconds: number }>>`
        select session, extract(epoch from tokens_until - ended_at)::float8 as seconds
        from ended_sessions`).map(({ session, seconds }) => [session, seconds]),
    )
  )

describe("POST /api/token/logout/", () => {
  it.effect("ends the session at once, on every replica, and no other one", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const phone = yield* annsTokens(auth)
      const laptop = yield* anotherLogIn(auth)
      const { status, body } = yield* logOut(auth, phone.refresh)
      assert.deepStrictEqual([status, body], [204, {}])
      yield* assertOver(auth, phone)
      yield* assertOver(yield* auth.replica, phone)
      yield* assertLive(auth, laptop)
    }))

  it.effect("can be repeated, even with a token that was replaced", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const first = yield* annsTokens(auth)
      const second = (yield* refresh(auth, first.refresh)).body as Pair
      for (const token of [first.refresh, first.refresh, second.refresh]) {
        assert.strictEqual((yield* logOut(auth, token)).status, 204)
      }
      yield* assertOver(auth, second)
    }))

  it.effect("refuses anything but a refresh token, and ends nothing", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      for (const wrong of [pair.access, "", "a.b.c", `${pair.refresh}x`]) {
        assertRefused(yield* logOut(auth, wrong))
      }
      assert.strictEqual((yield* auth.call("/api/token/logout/", { body: {} })).status, 400)
      yield* assertLive(auth, pair)
    }))

  it.effect("is announced to every service while an access token may be valid", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const first = yield* annsTokens(auth)
      yield* TestClock.adjust("9 minutes")
      const second = (yield* refresh(auth, first.refresh)).body as Pair
      yield* TestClock.adjust("9 seconds")
      // A repeated refresh gives another access token.
      const again = (yield* refresh(auth, first.refresh)).body as Pair
      yield* logOut(auth, again.refresh)
      const seconds = (yield* announced(auth)).get(idOf(again))!
      assert.strictEqual(idOf(second), idOf(first))
      const latest = decodeJwt(again.access).exp! - 549
      assert.isAtLeast(seconds, latest)
      assert.isAtMost(seconds, latest + 120)
    }))
})

describe("a stolen refresh token", () => {
  it.effect("that is used twice ends the session's access tokens too", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const stolen = yield* annsTokens(auth)
      const successor = (yield* refresh(auth, stolen.refresh)).body as Pair
      yield* TestClock.adjust("11 seconds")
      assertRefused(yield* refresh(auth, stolen.refresh))
      yield* assertOver(auth, successor)
      assert.deepStrictEqual([...(yield* announced(auth)).keys()], [idOf(stolen)])
    }))
})

describe("GET /api/auth/sessions/", () => {
  it.effect("lists the user's sessions: when and where they began, when they were last used", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth)
      yield* signUp(auth, bob)
      const phone = yield* anotherLogIn(auth, ann, "198.51.100.1")
      yield* TestClock.adjust("1 hour")
      const laptop = yield* anotherLogIn(auth, ann, "198.51.100.2")
      yield* anotherLogIn(auth, bob)
      yield* TestClock.adjust("1 hour")
      const used = (yield* refresh(auth, phone.refresh)).body as Pair
      const { status, body } = yield* sessions(auth, used)
      const at = (hours: number) => new Date(hours * 3_600_000).toISOString()
      const common = { createdAt: at(0), lastUsedAt: at(2), expiresAt: at(2 + 7 * 24) }
      assert.deepStrictEqual([status, body], [200, [
        { id: idOf(phone), ...common, address: "198.51.100.1", current: true },
        {
          id: idOf(laptop),
          createdAt: at(1),
          lastUsedAt: at(1),
          expiresAt: at(1 + 7 * 24),
          address: "198.51.100.2",
          current: false,
        },
      ]])
    }))

  it.effect("is for logged-in users only", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { refresh: token } = yield* annsTokens(auth)
      assertRefused(yield* auth.call(list))
      assertRefused(yield* auth.call(list, { token }))
      assertRefused(yield* auth.call(list, { method: "DELETE" }))
    }))
})

describe("DELETE /api/auth/sessions/{id}/", () => {
  it.effect("ends that session, once", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const phone = yield* annsTokens(auth)
      const laptop = yield* anotherLogIn(auth)
      assert.strictEqual((yield* end(auth, laptop, idOf(phone).toUpperCase())).status, 204)
      yield* assertOver(auth, phone)
      yield* assertLive(auth, laptop)
      const again = yield* end(auth, laptop, idOf(phone))
      assert.deepStrictEqual([again.status, again.body.code], [404, "session_not_found"])
      assert.strictEqual((yield* end(auth, laptop, "1")).status, 400)
    }))

  it.effect("never ends another user's session, and does not reveal that it exists", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const anns = yield* annsTokens(auth)
      yield* signUp(auth, bob)
      const bobs = yield* anotherLogIn(auth, bob)
      const [others, nobodys] = [
        yield* end(auth, bobs, idOf(anns)),
        yield* end(auth, bobs, crypto.randomUUID()),
      ]
      assert.deepStrictEqual([others.status, others.body], [404, nobodys.body])
      yield* assertLive(auth, anns)
    }))
})

describe("DELETE /api/auth/sessions/", () => {
  it.effect("ends all sessions of the user, including this one, and nobody else's", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const phone = yield* annsTokens(auth)
      const laptop = yield* anotherLogIn(auth)
      yield* signUp(auth, bob)
      const bobs = yield* anotherLogIn(auth, bob)
      assert.strictEqual((yield* end(auth, phone)).status, 204)
      yield* assertOver(auth, phone)
      yield* assertOver(auth, laptop)
      yield* assertLive(auth, bobs)
      assert.sameMembers([...(yield* announced(auth)).keys()], [idOf(phone), idOf(laptop)])
      yield* assertLive(auth, yield* anotherLogIn(auth))
    }))

  it.effect("wins over a simultaneous refresh: the tokens of that refresh are refused too", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const replica = yield* auth.replica
      yield* signUp(auth)
      for (let n = 0; n < 5; n++) {
        const pairs = yield* Effect.forEach([1, 2, 3, 4], () => anotherLogIn(auth))
        const [answers] = yield* Effect.all([
          Effect.forEach(pairs, ({ refresh: token }) => refresh(replica, token), {
            concurrency: "unbounded",
          }),
          Effect.all([end(auth, pairs[0]!), end(replica, pairs[1]!)], { concurrency: 2 }),
        ], { concurrency: "unbounded" })
        for (const { status, body } of answers) {
          if (status === 200) yield* assertOver(auth, body as Pair)
          else assert.strictEqual(status, 401)
        }
        const ended = yield* announced(auth)
        for (const pair of pairs) assert.isTrue(ended.has(idOf(pair)))
      }
    }))
})

describe("a session", () => {
  it.effect("ends with its tokens at its maximum age, however often it is refreshed", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({ SESSION_LIFETIME: "10 days" })
      const first = yield* annsTokens(auth)
      yield* TestClock.adjust("5 days")
      const second = (yield* refresh(auth, first.refresh)).body as Pair
      yield* TestClock.adjust("7195 minutes")
      const last = (yield* refresh(auth, second.refresh)).body as Pair
      const end = 10 * 24 * 3600
      assert.deepStrictEqual([last.access, last.refresh].map((t) => decodeJwt(t).exp), [end, end])
      yield* assertLive(auth, last)
      yield* TestClock.adjust("5 minutes")
      yield* assertOver(auth, last)
    }))

  it.effect("is limited by a SESSION_LIFETIME that was shortened after it began", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      yield* TestClock.adjust("6 minutes")
      yield* assertLive(auth, pair)
      const { sql, environment } = auth
      const stricter = yield* startAuth({ ...environment, SESSION_LIFETIME: "5 minutes" })
      yield* assertOver({ ...stricter, sql }, pair)
    }))

  it.effect("ends when its user opens too many sessions and it is the least recently used", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({ SESSIONS_PER_USER: "2" })
      const first = yield* annsTokens(auth)
      yield* TestClock.adjust("1 minute")
      const second = yield* anotherLogIn(auth)
      yield* TestClock.adjust("1 minute")
      const used = (yield* refresh(auth, first.refresh)).body as Pair
      const third = yield* anotherLogIn(yield* auth.replica)
      yield* assertOver(auth, second)
      yield* assertLive(auth, used)
      yield* assertLive(auth, third)
      assert.deepStrictEqual([...(yield* announced(auth)).keys()], [idOf(second)])
    }))

  it.effect("is limited in number, even when many are opened at the same time", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth({ SESSIONS_PER_USER: "3" })
      const replica = yield* auth.replica
      yield* signUp(auth)
      const pairs = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, n) => n % 2 ? auth : replica),
        (auth) => anotherLogIn(auth),
        { concurrency: "unbounded" },
      )
      const answers = yield* Effect.forEach(pairs, (pair) => sessions(auth, pair))
      const live = answers.filter(({ status }) => status === 200)
      assert.strictEqual(live.length, 3)
      assert.strictEqual(live[0]!.body["length"], 3)
    }))
})
