/** What a verifier of users remembers of the tokens that it has proved, and what ends that. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { makeTrust } from "#shared/security/trust.ts"
import { accessTokenType, makeUserVerifier } from "#shared/security/user-tokens.ts"
import { Unavailable } from "#shared/transient.ts"
import { auths } from "#tests/support/auths-answer.ts"

const options = { issuer: "unwind", audience: "unwind-api" }

/** A verifier, what it trusts, how often it proved a token, and tokens that it accepts. */
const prepared = Effect.gen(function* () {
  const { privateKey, publicKey } = yield* Effect.promise(() =>
    generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
  )
  const jwk = yield* Effect.promise(() => exportJWK(publicKey))
  const auth = { isUp: true, kids: ["one"], ended: [] as Array<string> }
  const trust = yield* makeTrust(() =>
    auth.isUp
      ? Effect.succeed(
        auths(auth.kids.map((kid) => ({ ...jwk, kid })), {
          accessTokenSeconds: 3600,
          endedSessions: auth.ended,
        }),
      )
      : Effect.fail(new Unavailable({ message: "auth is away" }))
  )
  const proved = { count: 0 }
  const { user } = makeUserVerifier({
    ...trust,
    find: (kid) => {
      proved.count++
      return trust.find(kid)
    },
  }, options)
  const tokenFor = (username: string, seconds: number, sid: string = crypto.randomUUID()) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.promise(() =>
        new SignJWT({ sid })
          .setProtectedHeader({ alg: "EdDSA", kid: "one", typ: accessTokenType })
          .setSubject(username)
          .setJti(crypto.randomUUID())
          .setIssuer(options.issuer)
          .setAudience(options.audience)
          .setIssuedAt(Math.floor(now / 1000))
          .setExpirationTime(Math.floor(now / 1000) + seconds)
          .sign(privateKey)
      ))
  const showing = (authorization: string) =>
    user.authorize(new Request("http://shop.test", { headers: { authorization } }))
  const status = (authorization: string) =>
    Effect.match(showing(authorization), { onSuccess: () => 200, onFailure: (it) => it.status })
  return { auth, trust, proved, tokenFor, showing, status }
})

describe("a verifier of users", () => {
  it.effect("proves a token once a minute, however often it is shown", () =>
    Effect.gen(function* () {
      const { proved, tokenFor, showing } = yield* prepared
      const header = `Bearer ${yield* tokenFor("ada", 3600)}`
      for (let n = 0; n < 3; n++) assert.include(yield* showing(header), { username: "ada" })
      assert.strictEqual(proved.count, 1)
      yield* TestClock.adjust("61 seconds")
      assert.include(yield* showing(header), { username: "ada" })
      assert.strictEqual(proved.count, 2)
    }))

  it.effect("refuses a known token as soon as it expires", () =>
    Effect.gen(function* () {
      const { tokenFor, showing } = yield* prepared
      const header = `Bearer ${yield* tokenFor("ada", 30)}`
      yield* showing(header)
      // Clocks may differ by five seconds.
      yield* TestClock.adjust("34 seconds")
      yield* showing(header)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Effect.flip(showing(header))).status, 401)
    }))

  it.effect("proves a token again after a minute although the wall clock is set back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const { proved, tokenFor, showing } = yield* prepared
      const header = `Bearer ${yield* tokenFor("ada", 3600)}`
      yield* showing(header)
      yield* TestClock.setTime(1_800_000_000_000 - 200_000)
      yield* TestClock.adjust("61 seconds")
      yield* showing(header)
      assert.strictEqual(proved.count, 2)
    }))

  it.effect("refuses a known token as soon as it learns that its session has ended", () =>
    Effect.gen(function* () {
      const { auth, trust, tokenFor, status } = yield* prepared
      const [sid, other] = [crypto.randomUUID(), crypto.randomUUID()]
      const ended = [`Bearer ${yield* tokenFor("ada", 3600, sid)}`]
      const goesOn = `Bearer ${yield* tokenFor("ada", 3600, other)}`
      for (const header of [...ended, goesOn]) assert.strictEqual(yield* status(header), 200)
      auth.ended = [sid]
      // A token that is shown for the first time is not known.
      ended.push(`Bearer ${yield* tokenFor("ada", 3600, sid)}`)
      yield* trust.newerThan(-1)
      for (const header of ended) assert.strictEqual(yield* status(header), 401)
      assert.strictEqual(yield* status(goesOn), 200)
      // The end is announced once, and stays known.
      auth.ended = []
      yield* TestClock.adjust("50 minutes")
      for (const header of ended) assert.strictEqual(yield* status(header), 401)
    }))

  it.effect("refuses a known token as soon as its key is gone, or replaced by another", () =>
    Effect.gen(function* () {
      const { auth, trust, tokenFor, status } = yield* prepared
      const header = `Bearer ${yield* tokenFor("ada", 3600)}`
      assert.strictEqual(yield* status(header), 200)
      auth.kids = ["two"]
      yield* trust.newerThan(-1)
      assert.strictEqual(yield* status(header), 401)
    }))

  it.effect("lets nobody in, known or not, when it has not heard of auth for 30 seconds", () =>
    Effect.gen(function* () {
      const { auth, tokenFor, status, showing } = yield* prepared
      const header = `Bearer ${yield* tokenFor("ada", 3600)}`
      assert.strictEqual(yield* status(header), 200)
      auth.isUp = false
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* status(header), 200)
      yield* TestClock.adjust("1 second")
      const problem = yield* Effect.flip(showing(header))
      assert.strictEqual(problem.status, 503)
      assert.property(problem.headers, "retry-after")
      auth.isUp = true
      assert.strictEqual(yield* status(header), 200)
    }))

  it.effect("takes no token for another one, and accepts no other spelling of it", () =>
    Effect.gen(function* () {
      const { tokenFor, showing } = yield* prepared
      const [ada, bob] = [yield* tokenFor("ada", 3600), yield* tokenFor("bob", 3600)]
      yield* showing(`Bearer ${ada}`)
      assert.include(yield* showing(`Bearer ${bob}`), { username: "bob" })
      const [head = "", claims = "", signature = ""] = ada.split(".")
      const forged = [
        `${head}.${bob.split(".")[1]}.${signature}`,
        `${head}.${claims}.${bob.split(".")[2]}`,
        `${head}.${claims}.`,
        // The last character has four unused bits: one of those 16 spellings is right.
        ...[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
          .map((last) => ada.slice(0, -1) + last).filter((token) => token !== ada),
      ]
      for (const token of forged) {
        assert.strictEqual((yield* Effect.flip(showing(`Bearer ${token}`))).status, 401)
      }
      assert.strictEqual((yield* Effect.flip(showing(`Basic ${ada}`))).status, 401)
    }))
})
