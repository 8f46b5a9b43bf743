/** Changing the password: what it needs, which sessions it ends, and simultaneous log-ins. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  ann,
  annsTokens,
  type Answer,
  asTimePasses,
  logIn,
  type Pair,
  type RunningAuth,
  startAuth,
} from "./running-auth.ts"

const next = "another horse battery"
const change = (
  { call }: RunningAuth,
  { access }: Pair,
  body: unknown = { password: ann.password, newPassword: next },
  address = "198.51.100.7",
) => call("/api/auth/users/me/password/", { token: access, body, address })

const codes = ({ status, body }: Answer) => [status, body.code]
const refreshed = ({ call }: RunningAuth, { refresh }: Pair) =>
  Effect.map(call("/api/token/refresh/", { body: { refresh } }), ({ status }) => status)

describe("POST /api/auth/users/me/password/", () => {
  it.effect("changes the password, ends all sessions, and gives the tokens of a new one", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const mine = yield* annsTokens(auth)
      const thiefs = (yield* logIn(auth)).body as Pair
      const { status, body } = yield* change(auth, mine)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(
        [yield* refreshed(auth, thiefs), yield* refreshed(auth, mine)],
        [401, 401],
      )
      const me = yield* auth.call("/api/auth/users/me/", { token: body.access })
      assert.deepStrictEqual([me.status, me.body.username], [200, "ann"])
      assert.strictEqual(yield* refreshed(auth, body as Pair), 200)
      assert.strictEqual((yield* logIn(auth)).status, 401)
      assert.strictEqual((yield* logIn(auth, { ...ann, password: next })).status, 200)
      const [{ n }] = yield* Effect.promise(() =>
        auth.sql<[{ n: number }]>`select count(*)::int as n from ended_sessions`
      )
      assert.strictEqual(n, 2)
    }))

  it.effect("needs the current password, and changes nothing without it", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const mine = yield* annsTokens(auth)
      const wrong = yield* change(auth, mine, { password: next, newPassword: next })
      assert.deepStrictEqual(codes(wrong), [403, "wrong_password"])
      assert.strictEqual(yield* refreshed(auth, mine), 200)
      assert.strictEqual((yield* logIn(auth)).status, 200)
    }))

  it.effect("refuses a new password that a sign-up would refuse, and changes nothing", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const mine = yield* annsTokens(auth)
      for (const newPassword of ["short", "password123", ann.email, "x".repeat(129)]) {
        const { status, body } = yield* change(auth, mine, { password: ann.password, newPassword })
        assert.strictEqual(status, 400, newPassword)
        assert.strictEqual(body.errors[0].path, "newPassword")
        assert.notInclude(JSON.stringify(body), newPassword === "short" ? "\u0000" : newPassword)
      }
      assert.strictEqual((yield* change(auth, mine, { newPassword: next })).status, 400)
      assert.strictEqual(yield* refreshed(auth, mine), 200)
    }))

  it.effect("is throttled like a log-in, so a thief of the token cannot guess on", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const mine = yield* annsTokens(auth)
      const answers: Array<Answer> = []
      for (let n = 0; n < 20; n++) {
        const guess = { password: `a wrong guess ${n}`, newPassword: next }
        answers.push(yield* asTimePasses(change(auth, mine, guess, `198.51.${n}.1`)))
      }
      const statuses = answers.map(({ status }) => status)
      // Ten may fail, from any address, all but the first few after a wait. The next is refused.
      assert.deepStrictEqual(statuses, [...Array(10).fill(403), ...Array(10).fill(429)])
      assert.isAbove(Number(answers.at(-1)!.headers.get("retry-after")), 0)
    }))

  it.effect("stays open to a logged-in user, even if strangers fail at the same address", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const mine = yield* annsTokens(auth)
      const elsewhere = "198.51.100.7"
      const fail = (username: string, address: string) =>
        asTimePasses(logIn(auth, { username, password: "a wrong guess" }, { address }))
      for (let n = 0; n < 50; n++) yield* fail(`nobody${n}`, elsewhere)
      for (let n = 0; n < 15; n++) yield* fail("ann", `198.51.${n % 3}.1`)
      for (const address of [elsewhere, "203.0.113.1"]) {
        assert.strictEqual((yield* fail("ann", address)).status, 429)
      }
      assert.strictEqual((yield* change(auth, mine, undefined, elsewhere)).status, 200)
    }))

  it.effect("is for logged-in users only, not for a token of an ended session", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const mine = yield* annsTokens(auth)
      const { status } = yield* auth.call("/api/auth/users/me/password/", {
        body: { password: ann.password, newPassword: next },
      })
      assert.strictEqual(status, 401)
      yield* auth.call("/api/token/logout/", { body: { refresh: mine.refresh } })
      assert.strictEqual((yield* change(auth, mine)).status, 401)
      assert.strictEqual((yield* logIn(auth)).status, 200)
    }))

  it.effect("lets one of two simultaneous changes win, with its password", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const replica = yield* auth.replica
      const mine = yield* annsTokens(auth)
      const passwords = ["the first horse", "the second horse"]
      const answers = yield* Effect.forEach(
        passwords,
        (newPassword, n) =>
          change(n ? auth : replica, mine, { password: ann.password, newPassword }),
        { concurrency: 2 },
      )
      const winner = answers.findIndex(({ status }) => status === 200)
      assert.include([401, 403], answers[1 - winner]!.status)
      const logIns = yield* Effect.forEach(
        passwords,
        (password) => Effect.map(logIn(auth, { ...ann, password }), ({ status }) => status),
      )
      assert.deepStrictEqual(logIns, winner === 0 ? [200, 401] : [401, 200])
    }))

  it.effect("lets no log-in with the old password open a session afterwards", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const mine = yield* annsTokens(auth)
      // Log-ins after the change have a wrong password, and are held.
      const [changed, ...logIns] = yield* asTimePasses(
        Effect.all(
          [change(auth, mine), ...Array.from({ length: 12 }, () => logIn(auth))],
          { concurrency: "unbounded" },
        ),
      )
      assert.strictEqual(changed!.status, 200)
      const opened = logIns.filter(({ status }) => status === 200)
      // Sessions that were opened before the change have ended with it.
      for (const { body } of opened) {
        assert.strictEqual(yield* refreshed(auth, body as Pair), 401)
      }
      const [{ n }] = yield* Effect.promise(() =>
        auth.sql<[{ n: number }]>`select count(*)::int as n from sessions`
      )
      assert.strictEqual(n, 1)
    }))
})
