import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { generateKeyPair, SignJWT } from "jose"
import { accessTokenType, makeUserVerifier } from "#shared/security/user-tokens.ts"

const options = { issuer: "unwind", audience: "unwind-api" }

/** A verifier that counts how often it asks for a key, and tokens that it lets in. */
const prepared = Effect.gen(function* () {
  const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair("EdDSA"))
  const asked = { count: 0 }
  const keyOf = () => {
    asked.count++
    return publicKey
  }
  const { user } = yield* makeUserVerifier(keyOf, options)
  const tokenFor = (username: string, seconds: number) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.promise(() =>
        new SignJWT({})
          .setProtectedHeader({ alg: "EdDSA", typ: accessTokenType })
          .setSubject(username)
          .setJti(crypto.randomUUID())
          .setIssuer(options.issuer)
          .setAudience(options.audience)
          .setExpirationTime(Math.floor(now / 1000) + seconds)
          .sign(privateKey)
      ))
  const showing = (authorization: string) =>
    user.authorize(new Request("http://shop.test", { headers: { authorization } }))
  return { asked, tokenFor, showing }
})

describe("a verifier of users", () => {
  it.effect("proves a token once a minute, however often it is shown", () =>
    Effect.gen(function* () {
      const { asked, tokenFor, showing } = yield* prepared
      const header = `Bearer ${yield* tokenFor("ada", 3600)}`
      for (let n = 0; n < 3; n++) assert.include(yield* showing(header), { username: "ada" })
      assert.strictEqual(asked.count, 1)
      yield* TestClock.adjust("61 seconds")
      assert.include(yield* showing(header), { username: "ada" })
      assert.strictEqual(asked.count, 2)
    }))

  it.effect("refuses a token that it knows from the moment on when it expires", () =>
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

  it.effect("proves it again after a minute though the wall clock is set back an hour", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const { asked, tokenFor, showing } = yield* prepared
      const header = `Bearer ${yield* tokenFor("ada", 3600)}`
      yield* showing(header)
      yield* TestClock.setTime(1_800_000_000_000 - 3_600_000)
      yield* TestClock.adjust("61 seconds")
      yield* showing(header)
      assert.strictEqual(asked.count, 2)
    }))

  it.effect("takes no token for another one that it knows", () =>
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
      ]
      for (const token of forged) {
        assert.strictEqual((yield* Effect.flip(showing(`Bearer ${token}`))).status, 401)
      }
      assert.strictEqual((yield* Effect.flip(showing(`Basic ${ada}`))).status, 401)
    }))
})
