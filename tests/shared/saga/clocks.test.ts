/** Deadlines when the clock of orders, which dates the orders, differs from the orchestrator's. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ageMsOf, orderRun } from "#shared/saga/order-run.ts"
import { scripted, times, unavailable } from "./scripted-sagas.ts"

const minutes = (count: number) => count * 60_000

describe("an order that looks too old when it is taken", () => {
  it.effect("is not aborted when the answer of orders shows that its clock is behind", () =>
    Effect.gen(function* () {
      const { endOf, runToEnd, sentOf } = yield* scripted({ ann: {} }, {
        ordersAheadMs: (decisions) => decisions === 0 ? minutes(2) : 0,
        toldAtMs: -1,
      })
      yield* runToEnd
      assert.strictEqual(endOf("ann"), "completed")
      assert.deepStrictEqual(
        sentOf("ann"),
        ["ask", "reserve money", "reserve item", "reserve slot", "complete"],
      )
    }))

  it.effect("is aborted when the answer shows that it is too old", () =>
    Effect.gen(function* () {
      const { endOf, runToEnd, sentOf } = yield* scripted({ ann: { deadlineMs: 0 } }, {
        toldAtMs: -1,
      })
      yield* runToEnd
      assert.strictEqual(endOf("ann"), "failed")
      assert.deepStrictEqual(sentOf("ann").slice(0, 2), ["ask", "abort"])
    }))

  it.effect("waits while orders does not answer, and reserves nothing", () =>
    Effect.gen(function* () {
      const { endOf, runToEnd, sentOf } = yield* scripted({
        ann: { deadlineMs: 0, register: times(12, unavailable) },
      }, { toldAtMs: -1 })
      yield* runToEnd
      assert.strictEqual(endOf("ann"), "failed")
      assert.deepStrictEqual(sentOf("ann").slice(0, 14), [...times(13, "ask"), "abort"])
    }))
})

describe("an order that waits for a participant", () => {
  it.effect("asks orders for the time before it is aborted, however long that takes", () =>
    Effect.gen(function* () {
      const { endOf, runToEnd, sentOf, start } = yield* scripted({
        ann: {
          deadlineMs: 5_000,
          reserve: { item: times(1_000, unavailable) },
          register: times(4, unavailable),
        },
      }, { toldAtMs: -1 })
      yield* start
      yield* runToEnd
      assert.strictEqual(endOf("ann"), "failed")
      const asked = sentOf("ann").filter((what) => !what.startsWith("reserve"))
      const abort = asked.indexOf("abort")
      assert.isAtLeast(abort, 5, `${asked}`)
      assert.deepStrictEqual(asked.slice(0, abort), times(abort, "ask"))
    }))
})

describe("the age of an order", () => {
  const createdAtMs = 1_800_000_000_000
  /**
   * Taken a minute after it was made, by the clock of orders at that time, at 1,000 of steady time.
   */
  const run = orderRun({
    entryId: "1-0",
    redelivered: false,
    message: { createdAtMs } as never,
  }, { steadyMs: 1_000, ordersMs: createdAtMs + minutes(1), toldAtMs: 0 })
  const ageMs = (inHandMs: number, ordersMs: number) =>
    ageMsOf(run, {
      steadyMs: 1_000 + inHandMs,
      ordersMs: createdAtMs + ordersMs,
      toldAtMs: 0,
    })

  it("grows by steady time", () => assert.strictEqual(ageMs(minutes(1), minutes(2)), minutes(2)))

  it("does not leap when the clock of orders is set forward an hour", () =>
    assert.strictEqual(ageMs(minutes(1), minutes(62)), minutes(2)))

  it("is less when orders reports that its clock was misjudged", () =>
    assert.strictEqual(ageMs(10_000, 10_000), 10_000))

  it("still grows by the time in hand when the clock of orders is set back an hour", () =>
    assert.strictEqual(ageMs(minutes(2), minutes(-58)), minutes(2)))
})
