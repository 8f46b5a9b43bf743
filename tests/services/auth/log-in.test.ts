/** Logging in over HTTP, and what slows down guessing; the clock is the test's, so that an hour takes no time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
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

/** Ann, and a service at which she has signed up. */
const withAnn = (settings: Readonly<Record<string, string>> = {}) =>
  Effect.tap(startAuth(settings), (auth) => signUp(auth))

describe("POST /api/token/", () => {
  it.effect("gives an access and a refresh token with all that verifiers ask for", () =>
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
      // In turn, so that whatever else the machine does slows both alike.
      const pairs = yield* times(
        9,
        (n) => Effect.all([spent("ann", `10.1.0.${n}`), spent("nobody", `10.2.0.${n}`)]),
      )
      const [known, unknown] = [0, 1].map((who) =>
        pairs.reduce((sum, pair) => sum + pair[who]!, 0)
      ) as [number, number]
      // Without a hash to compute it would be a twentieth.
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

  it.effect("turns log-ins away at once when too many wait for their hash", () =>
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
  it.effect("stops guesses at an account, wherever they come from, until the wait it names is over", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const guesses = yield* times(14, (n) => guess(auth, n))
      assert.deepStrictEqual(
        statuses(guesses),
        [...Array<number>(10).fill(401), ...Array<number>(4).fill(429)],
      )
      const { body, headers } = guesses[13]!
      assert.strictEqual(body.code, "too_many_attempts")
      const seconds = Number(headers.get("retry-after"))
      assert.isAbove(seconds, 0)
      // Not even the right password is tried meanwhile, so that nobody learns that it was right.
      assert.strictEqual((yield* logIn(auth, ann, from(99))).status, 429)
      yield* TestClock.adjust(seconds * 1000 - 1)
      assert.strictEqual((yield* logIn(auth, ann, from(99))).status, 429)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* logIn(auth, ann, from(99))).status, 200)
      assert.isAtMost(seconds, 360)
    }))

  it.effect("lets no hour see more than 20 failures on an account", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const failedAt: Array<number> = []
      for (let minute = 0; minute < 150; minute++) {
        const guesses = yield* times(2, (n) => guess(auth, (minute + n) % 200))
        failedAt.push(...Array<number>(count(guesses, 401)).fill(minute))
        yield* TestClock.adjust("1 minute")
      }
      assert.isAbove(failedAt.length, 20)
      for (const start of failedAt) {
        assert.isAtMost(failedAt.filter((at) => at >= start && at < start + 60).length, 20)
      }
    }))

  it.effect("holds against guesses that come all at once", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const guesses = yield* times(60, (n) => guess(auth, n), 60)
      assert.deepStrictEqual([count(guesses, 401), count(guesses, 429)], [10, 50])
    }))

  it.effect("treats names that do not exist like those that do", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const nobody = { ...wrong, username: "nobody" }
      const guesses = yield* times(12, (n) => logIn(auth, nobody, from(n)))
      assert.deepStrictEqual([count(guesses, 401), count(guesses, 429)], [10, 2])
    }))

  it.effect("stops an address that tries many names, and no other address", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const guesses = yield* times(53, (n) => logIn(auth, { ...wrong, username: `u${n}` }, from(1)))
      assert.deepStrictEqual([count(guesses, 401), count(guesses, 429)], [50, 3])
      assert.strictEqual((yield* logIn(auth, ann, from(1))).status, 429)
      assert.strictEqual((yield* logIn(auth, ann, from(2))).status, 200)
      yield* TestClock.adjust(Number(guesses[52]!.headers.get("retry-after")) * 1000)
      assert.strictEqual((yield* logIn(auth, ann, from(1))).status, 200)
    }))

  it.effect("counts no refused attempt against an address", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      yield* signUp(auth, { ...ann, username: "bob" })
      const guesses = yield* times(60, () => logIn(auth, wrong, from(1)))
      assert.strictEqual(count(guesses, 401), 10)
      assert.strictEqual((yield* logIn(auth, { ...ann, username: "bob" }, from(1))).status, 200)
    }))

  it.effect("counts no right password against an account or an address", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const answers = yield* times(60, () => logIn(auth, ann, from(1)), 10)
      assert.strictEqual(count(answers, 200), 60)
    }))

  it.effect("leaves a way in for the owner of an account that others keep guessing at", () =>
    Effect.gen(function* () {
      const auth = yield* withAnn()
      const home = from(200)
      yield* logIn(auth, ann, home)
      yield* times(20, (n) => guess(auth, n))
      assert.strictEqual((yield* logIn(auth, ann, from(99))).status, 429)
      assert.strictEqual((yield* logIn(auth, ann, home)).status, 200)
      // A name made to look like Ann at home is nobody there.
      yield* times(20, (n) => logIn(auth, { ...wrong, username: `${home.address} ann` }, from(n)))
      assert.strictEqual((yield* logIn(auth, ann, home)).status, 200)
    }))

  it.effect("does not trust X-Forwarded-For unless told to", () =>
    Effect.gen(function* () {
      const forwarded = (n: number) => ({
        address: "10.0.0.1",
        headers: { "x-forwarded-for": `1.2.3.4, 198.51.100.${n}` },
      })
      const tries = (auth: RunningAuth) =>
        times(51, (n) => logIn(auth, { ...wrong, username: `u${n}` }, forwarded(n)))
      assert.strictEqual((yield* tries(yield* withAnn()))[50]?.status, 429)
      const trusting = yield* withAnn({ TRUST_PROXY: "true" })
      assert.strictEqual((yield* tries(trusting))[50]?.status, 401)
    }))
})
