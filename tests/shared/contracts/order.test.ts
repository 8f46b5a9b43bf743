/**
 * The time in an order's id is the time when the order was made, and ids sort as their times do.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { firstIdAt, madeAtMs } from "#shared/contracts/order.ts"

const times = fc.integer({ min: 0, max: 2 ** 48 - 1 })

describe("the time of an order", () => {
  it.effect("is read from the id that the orders service gives it", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      for (const ms of [0, 1, Date.UTC(2024, 1, 29), Date.UTC(2026, 10, 23, 22, 6, 30, 999)]) {
        yield* TestClock.setTime(ms)
        assert.strictEqual(madeAtMs(yield* random.uuidV7()), ms)
      }
    }).pipe(Effect.provide(SecureRandom.layerWebCrypto)))

  it("is read from the first id of that time", () =>
    fc.assert(fc.property(times, (ms) => assert.strictEqual(madeAtMs(firstIdAt(ms)), ms))))

  it("sorts ids as it sorts itself", () =>
    fc.assert(fc.property(times, times, (a, b) => {
      assert.strictEqual(firstIdAt(a) < firstIdAt(b), a < b)
    })))

  it("is never negative", () =>
    assert.strictEqual(firstIdAt(-1), "00000000-0000-0000-0000-000000000000"))
})
