/**
 * The signing keys in a real database: created once, however many replicas start, and rotated
 * without refusing a valid token.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { decodeProtectedHeader } from "jose"
import { waitingForLocks } from "#tests/support/waiting-for-locks.ts"
import { storedKeys } from "./forge.ts"
import {
  ann,
  annsTokens,
  logIn,
  type Pair,
  type RunningAuth,
  startAuth,
  until,
} from "./running-auth.ts"
import { serviceThatReads } from "./service-that-reads.ts"

const publicKeys = ({ call }: RunningAuth) =>
  Effect.map(call("/.well-known/jwks.json"), ({ body }) => body.keys as Array<{ kid: string }>)
const signerOf = ({ access }: Pair) => decodeProtectedHeader(access).kid

/** Deletes the keys in a transaction that blocks readers until the test releases it. */
const holdTable = ({ sql }: RunningAuth) =>
  Effect.promise(() =>
    new Promise<{ release: () => void }>((held) =>
      sql.begin(async (tx) => {
        await tx`lock table signing_keys in access exclusive mode`
        await tx`delete from signing_keys`
        await new Promise<void>((release) => held({ release }))
      })
    )
  )

const assertAccepted = (auth: RunningAuth, { access, refresh }: Pair) =>
  Effect.gen(function* () {
    for (const token of [access, refresh]) {
      const { status } = yield* auth.call("/api/token/verify/", { body: { token } })
      assert.strictEqual(status, 200)
    }
  })

describe("GET /.well-known/jwks.json", () => {
  it.effect("shows public keys only, for less than the time that they are trusted", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { status, body, headers } = yield* auth.call("/.well-known/jwks.json")
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("cache-control"), "public, max-age=20, must-revalidate")
      assert.strictEqual(body.keys.length, 1)
      assert.sameMembers(Object.keys(body.keys[0]), ["kty", "crv", "x", "kid", "alg", "use"])
    }))
})

describe("the signing keys", () => {
  it.effect("are the same for replicas that start at the same time", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      // The table is held until all replicas are about to look for a key.
      const { release } = yield* holdTable(auth)
      const starting = yield* Effect.forkChild(
        Effect.all([auth.replica, auth.replica, auth.replica, auth.replica], {
          concurrency: "unbounded",
        }),
      )
      yield* until(async () => await waitingForLocks(auth.sql) === 4)
      release()
      const replicas = yield* Fiber.join(starting)
      const sets = yield* Effect.forEach(replicas, publicKeys)
      assert.strictEqual(sets[0]!.length, 1)
      for (const set of sets) assert.deepStrictEqual(set, sets[0])
      yield* assertAccepted(replicas[3]!, yield* annsTokens(replicas[0]!))
    }))

  it.effect("outlive a restart, with the tokens that they signed", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const pair = yield* annsTokens(auth)
      yield* assertAccepted(yield* auth.replica, pair)
    }))

  it.effect("are rotated after 30 days: published, then used, then deleted", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const [first] = yield* publicKeys(auth)
      yield* annsTokens(auth)
      yield* TestClock.adjust("30 days")
      yield* auth.upkeep
      const [, second] = yield* publicKeys(auth)
      assert.isDefined(second)
      const replica = yield* auth.replica

      const before = (yield* logIn(auth)).body as Pair
      assert.strictEqual(signerOf(before), first?.kid)
      yield* TestClock.adjust("1 hour")
      const after = (yield* logIn(auth)).body as Pair
      assert.strictEqual(signerOf(after), second?.kid)
      yield* assertAccepted(replica, after)
      const { status } = yield* auth.call("/api/token/verify/", { body: { token: before.refresh } })
      assert.strictEqual(status, 200)

      // The token that lives longest is a device's: 90 days. A third key is due before it expires.
      yield* TestClock.adjust("91 days")
      yield* Effect.all([auth.upkeep, replica.upkeep])
      const [oldest, third, ...more] = yield* publicKeys(auth)
      assert.deepStrictEqual(oldest, second)
      assert.isDefined(third)
      assert.deepStrictEqual(more, [])
      assert.deepStrictEqual(yield* publicKeys(replica), [oldest, third])
      assert.strictEqual((yield* storedKeys(auth)).length, 2)
    }))

  it.effect("verify tokens at services that read them, before and after a rotation", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const old = yield* annsTokens(auth)
      assert.strictEqual(yield* (yield* serviceThatReads(auth))(old), ann.username)
      yield* TestClock.adjust("30 days")
      yield* auth.upkeep
      // The service reads the keys once: when the new key is public, but has not signed yet.
      const verify = yield* serviceThatReads(auth)
      assert.strictEqual(yield* verify((yield* logIn(auth)).body as Pair), ann.username)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* verify((yield* logIn(auth)).body as Pair), ann.username)
    }))
})
