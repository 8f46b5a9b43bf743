import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  isKeyDue,
  jwksAgeMs,
  jwksCachedMs,
  retiredKeys,
  signingKey,
} from "#services/auth/key-rotation.ts"
import { trustedForMs } from "#shared/security/trust.ts"

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const longestMs = 7 * dayMs
const first = { createdAtMs: 0 }
const second = { createdAtMs: 30 * dayMs }

describe("isKeyDue", () => {
  it("is true without a key, and every 30 days", () => {
    assert.isTrue(isKeyDue([], 0))
    assert.isFalse(isKeyDue([first], 30 * dayMs - 1))
    assert.isTrue(isKeyDue([first], 30 * dayMs))
    assert.isFalse(isKeyDue([first, second], 60 * dayMs - 1))
  })
})

describe("signingKey", () => {
  it("is the first key at once, and a later one when it has been public for an hour", () => {
    assert.strictEqual(signingKey([first], 0), first)
    assert.strictEqual(signingKey([first, second], second.createdAtMs + hourMs - 1), first)
    assert.strictEqual(signingKey([first, second], second.createdAtMs + hourMs), second)
  })
})

describe("the public keys", () => {
  it("are trusted no longer with an HTTP cache than without one", () => {
    assert.isBelow(jwksAgeMs + jwksCachedMs, trustedForMs)
    assert.isAbove(jwksCachedMs, 0)
  })
})

describe("retiredKeys", () => {
  it("never includes the newest key, or a key that may have signed a live token", () => {
    assert.deepStrictEqual(retiredKeys([first], 1000 * dayMs, longestMs), [])
    const lastSigned = second.createdAtMs + hourMs
    assert.deepStrictEqual(retiredKeys([first, second], lastSigned + longestMs, longestMs), [])
    assert.deepStrictEqual(
      retiredKeys([first, second], lastSigned + longestMs + hourMs + 1, longestMs),
      [first],
    )
  })
})

describe("the rotation", () => {
  // Replays months of replicas that look at the keys at random times, and of verifiers with the
  // oldest possible copies.
  it("signs only with keys that every copy has, and keeps the keys of live tokens", () => {
    const pause = fc.integer({ min: 1, max: 12 * hourMs })
    fc.assert(fc.property(fc.array(pause, { minLength: 50, maxLength: 400 }), (pauses) => {
      let keys: ReadonlyArray<{ createdAtMs: number }> = []
      let now = 0
      const signedUntil = new Map<number, number>()
      for (const pauseMs of pauses) {
        const retired = retiredKeys(keys, now, longestMs)
        for (const { createdAtMs } of retired) {
          assert.isBelow(signedUntil.get(createdAtMs) ?? 0, now)
        }
        keys = keys.filter((key) => !retired.includes(key))
        if (isKeyDue(keys, now)) keys = [...keys, { createdAtMs: now }]
        const { createdAtMs } = signingKey(keys, now)!
        // By then, every copy has the key.
        assert.isTrue(createdAtMs === 0 || createdAtMs + 3 * trustedForMs <= now)
        signedUntil.set(createdAtMs, now + longestMs)
        assert.isAtMost(keys.length, 2)
        now += pauseMs
      }
    }))
  })
})
