/** Log-ins over HTTP, and what slows down guessing. By the test's clock, an hour takes no time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { decodeJwt, decodeProtectedHeader } from "jose"
import { isDown } from "./billing-double.ts"
import {
  ann,
  type Answer,
  asTimePasses,
  logIn,
  type RunningAuth,
  signUp,
  startAuth,
} from "./running-auth.ts"

const wrong = { username: "ann", password: "a wrong guess" }
const from = (n: number) => ({ address: `198.51.100.${n}` })
const statuses = (answers: ReadonlyArray<Answer>) => answers.map(({ status }) => status)
const count = (answers: ReadonlyArray<Answer>, status: number) =>
  statuses(answers).filter((s) => s === status).length
const times = <A>(n: number, effect: (n: number) => Effect.Effect<A>, concurrency = 1) =>
  Effect.forEach(Array.from({ length: n }, (_, n) => n), effect, { concurrency })

/** Ann, and a service where she has signed up. */
const withAnn = (settings: Readonly<Record<string, string>> = {}) =>
  Effect.tap(startAuth(settings), (auth) => signUp(auth))

describe("POST /api/token/", () => {
  it.effect("gives an access and a refresh token with all claims that verifiers need", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const { status, body, headers } = yield* logIn(auth)
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.sameMembers(Object.keys(body), ["access", "refresh"])
      const keys = (yield* auth.call("/.well-known/jwks.json")).body.keys
      for (
        const [token, typ, seconds] of [
          [body.access, "at+jwt", 600],
          [body.refresh, "rt+jwt", 604_800],
        ]
      ) {
        assert.deepStrictEqual(decodeProtectedHeader(token), {
          alg: "EdDSA",
          typ,
          kid: keys[0].kid,
        })
        const { iss, aud, sub, iat = 0, exp = 0, jti } = decodeJwt(token)
        assert.deepStrictEqual([iss, aud, sub, exp - iat], ["unwind", "unwind-api", "ann", seconds])
        assert.isString(jti)
      }
    }))

  it.effect("answers the same to a wrong password, an unknown name and a pending sign-up", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      auth.billing.conduct = isDown
      const pending = { ...ann, username: "pending" }
      yield* asTimePasses(signUp(auth, pending))
      const answers = yield* Effect.all([
        logIn(auth, wrong),
        logIn(auth, { ...ann, username: "nobody" }),
        logIn(auth, { ...ann, username: "no name at all / '" }),
        logIn(auth, pending),
      ])
      for (const { status, body, headers } of answers) {
        assert.deepStrictEqual([status, body.code], [401, "wrong_credentials"])
        assert.deepStrictEqual(body, answers[0].body)
        assert.deepStrictEqual([...headers], [...answers[0].headers])
      }
    }))

  it.effect("takes as long for an unknown name as for a wrong password", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const spent = (username: string, address: string) =>
        Effect.promise(async () => {
          const startedAt = performance.now()
          await Effect.runPromise(logIn(auth, { ...wrong, username }, { address }))
          return performance.now() - startedAt
        })
      // In turn, so that other work on the machine slows both alike. So few are never held.
      const pairs = yield* times(
        5,
        (n) => Effect.all([spent("ann", `10.1.0.${n}`), spent("nobody", `10.2.0.${n}`)]),
      )
      const [known, unknown] = [0, 1].map((who) =>
        pairs.reduce((sum, pair) => sum + pair[who]!, 0)
      ) as [number, number]
      // Without a hash to compute, an attempt would take a twentieth of the time.
      assert.isAbove(unknown, known / 5)
      assert.isAbove(known, unknown / 5)
    }))

  it.effect("refuses bodies of another shape", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const bodies = [
        {},
        { username: "ann" },
        { ...wrong, otp: "1" },
        { username: ["ann"], password: ann.password },
        { username: "ann", password: { $ne: "" } },
        { username: "x".repeat(151), password: ann.password },
      ]
      for (const body of bodies) {
        assert.strictEqual((yield* auth.call("/api/token/", { body })).status, 400)
      }
    }))

  it.effect("refuses log-ins at once when too many wait for a hash", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const answers = yield* times(160, () => logIn(auth), 160)
      const turnedAway = answers.filter(({ status }) => status === 503)
      assert.isAbove(turnedAway.length, 0)
      assert.isNotNull(turnedAway[0]?.headers.get("retry-after"))
      assert.strictEqual(count(answers, 200) + turnedAway.length, 160)
      assert.isAtLeast(count(answers, 200), 100)
    }))
})

const guess = (auth: RunningAuth, n: number) => logIn(auth, wrong, from(n))

describe("the log-in throttle", () => {
  it.effect("stops guesses at an account, from anywhere, for the time that it names", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      // All at once, so that no guess knows the outcome of another.
      const guesses = yield* asTimePasses(times(60, (n) => guess(auth, n), 60))
      assert.deepStrictEqual([count(guesses, 401), count(guesses, 429)], [15, 45])
      const { body, headers } = guesses.find(({ status }) => status === 429)!
      assert.strictEqual(body.code, "too_many_attempts")
      assert.isAbove(Number(headers.get("retry-after")), 0)
      // Not even the right password is tried during the wait, so that a guesser does not learn that
      // it is right.
      const refused = yield* logIn(auth, ann, from(99))
      assert.strictEqual(refused.status, 429)
      const seconds = Number(refused.headers.get("retry-after"))
      assert.isAtMost(seconds, 720)
      yield* TestClock.adjust((seconds - 2) * 1000)
      assert.strictEqual((yield* logIn(auth, ann, from(99))).status, 429)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* asTimePasses(logIn(auth, ann, from(99)))).status, 200)
    }))

  it.effect("lets the owner in from a new address, without a device, after ten wrong guesses", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      yield* asTimePasses(times(10, (n) => guess(auth, n), 10))
      assert.strictEqual((yield* asTimePasses(logIn(auth, ann, from(99)))).status, 200)
      const fromOneSite = yield* asTimePasses(times(10, () => guess(auth, 50), 10))
      assert.deepStrictEqual([count(fromOneSite, 401), count(fromOneSite, 429)], [5, 5])
    }))

  it.effect("compares a held attempt with the password that holds after the wait", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      yield* times(5, (n) => guess(auth, n))
      const held = yield* Effect.forkChild(logIn(auth, ann, from(99)))
      // The first attempt has its turn first, so it is held when the next one is answered.
      yield* logIn(auth, { ...wrong, username: "nobody" }, from(98))
      yield* Effect.promise(() => auth.sql`update users set active = false`)
      assert.strictEqual((yield* asTimePasses(Fiber.join(held))).status, 401)
    }))

  it.effect("holds no attempt while the server closes", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      yield* times(5, (n) => guess(auth, n))
      const { status } = yield* Effect.promise(async () =>
        await auth.app.request("/api/token/", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(wrong),
        }, { remoteAddress: from(6).address, closing: Effect.void })
      )
      assert.strictEqual(status, 503)
      // The attempt was not tried, so it does not count.
      const guesses = yield* asTimePasses(times(20, (n) => guess(auth, n + 20), 20))
      assert.strictEqual(count(guesses, 401), 10)
    }))

  it.effect("treats names that do not exist like those that do", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const nobody = { ...wrong, username: "nobody" }
      const guesses = yield* asTimePasses(times(20, (n) => logIn(auth, nobody, from(n)), 20))
      assert.deepStrictEqual([count(guesses, 401), count(guesses, 429)], [15, 5])
    }))

  it.effect("counts no right password against an account or an address", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const answers = yield* times(60, () => logIn(auth, ann, from(1)), 10)
      assert.strictEqual(count(answers, 200), 60)
    }))

  it.effect("lets the owner in while others keep guessing at the account", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const home = from(200)
      yield* logIn(auth, ann, home)
      yield* asTimePasses(times(20, (n) => guess(auth, n), 20))
      assert.strictEqual((yield* logIn(auth, ann, from(99))).status, 429)
      assert.strictEqual((yield* logIn(auth, ann, home)).status, 200)
    }))

  it.effect("does not trust X-Forwarded-For unless told to", () =>
    Effect.gen(function* () {
      const forwarded = (n: number) => ({
        address: "10.0.0.1",
        headers: { "x-forwarded-for": `1.2.3.4, 198.51.100.${n}` },
      })
      const tries = (auth: RunningAuth) =>
        asTimePasses(
          times(55, (n) => logIn(auth, { ...wrong, username: `u${n}` }, forwarded(n)), 10),
        )
      assert.strictEqual(count(yield* tries(yield* withAnn()), 429), 5)
      const trusting = yield* withAnn({ TRUST_PROXY: "true" })
      assert.strictEqual(count(yield* tries(trusting), 429), 0)
    }))
})
