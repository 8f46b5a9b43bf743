/** When the public keys of auth are fetched, and what their answers tell of its clock. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { exportJWK, generateKeyPair } from "jose"
import { Fetch } from "#shared/http/client.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import { authKeys } from "#shared/security/auth-keys.ts"

const startMs = 1_800_000_000_000

const prepared = Effect.gen(function* () {
  yield* TestClock.setTime(startMs)
  const { publicKey } = yield* Effect.promise(() => generateKeyPair("EdDSA", { extractable: true }))
  const key = { ...(yield* Effect.promise(() => exportJWK(publicKey))), alg: "EdDSA" }
  const clock = yield* Clock.Clock
  const clocks = makePeerClocks()
  const auth = { kids: ["one"], fetched: 0, aheadMs: 0 }
  const keys = yield* authKeys(new URL("http://auth.test/jwks.json")).pipe(
    Effect.provideService(PeerClocks, clocks),
    Effect.provideService(Fetch, () => {
      auth.fetched++
      const date = new Date(clock.currentTimeMillisUnsafe() + auth.aheadMs).toUTCString()
      return Promise.resolve(
        Response.json({ keys: auth.kids.map((kid) => ({ ...key, kid })) }, { headers: { date } }),
      )
    }),
  )
  /** Whether the key is found, and how often the keys were fetched by then. */
  const look = (kid: string) =>
    Effect.promise(async () => {
      const found = await Promise.resolve(
        keys({ alg: "EdDSA", kid }, { payload: "", signature: "" }),
      )
        .then(() => true, () => false)
      return [found, auth.fetched] as const
    })
  return { auth, clocks, look }
})

describe("the keys of auth", () => {
  it.effect("are fetched when they are ten minutes old, though the wall clock is set back an hour", () =>
    Effect.gen(function* () {
      const { auth, look } = yield* prepared
      assert.deepStrictEqual(yield* look("one"), [true, 1])
      yield* TestClock.adjust("9 minutes")
      assert.deepStrictEqual(yield* look("one"), [true, 1])
      auth.kids = ["two"]
      yield* TestClock.setTime(startMs - 3_600_000)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* look("one"), [false, 2])
    }))

  it.effect("are fetched for a key that is not among them, at most every five seconds", () =>
    Effect.gen(function* () {
      const { auth, look } = yield* prepared
      yield* look("one")
      auth.kids = ["one", "two"]
      assert.deepStrictEqual(yield* look("two"), [false, 1])
      yield* TestClock.setTime(startMs - 3_600_000)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* look("two"), [true, 2])
      assert.deepStrictEqual(yield* look("three"), [false, 2])
    }))

  it.effect("tell how far its clock is off", () =>
    Effect.gen(function* () {
      const { auth, clocks, look } = yield* prepared
      auth.aheadMs = 130_000
      yield* look("one")
      assert.match((yield* clocks.wrong).get("auth")!, /^clock of auth is (129|130) s ahead$/)
    }))
})
