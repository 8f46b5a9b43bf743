/**
 * What a wave does for each of its orders. The order of these tests is ann's, alone and among
 * others.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { companies } from "./company.ts"
import { after, misconfigured, scripted, times, unavailable, unknown } from "./scripted-sagas.ts"

const everyReserve = ["reserve money", "reserve item", "reserve slot"]
const everyCancel = ["cancel slot", "cancel item", "cancel money"]

describe.each(companies)("an order $company", ({ make }) => {
  it.effect("reserves every step in order and completes", () =>
    Effect.gen(function* () {
      const sagas = yield* make({})
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "completed")
      assert.deepStrictEqual(sagas.sentOf("ann"), [...everyReserve, "complete"])
      assert.strictEqual(sagas.statusOf("ann"), "completed")
    }))

  it.effect.each([unavailable, unknown, misconfigured])(
    "repeats a reserve whose outcome is unknown, and undoes nothing: $message",
    (failure) =>
      Effect.gen(function* () {
        const sagas = yield* make({ reserve: { item: times(4, failure) } })
        yield* sagas.runToEnd
        assert.strictEqual(sagas.endOf("ann"), "completed")
        assert.deepStrictEqual(sagas.sentOf("ann"), [
          "reserve money",
          ...times(5, "reserve item"),
          "reserve slot",
          "complete",
        ])
      }),
  )

  it.effect.each(
    [
      { step: "money", reason: "Not enough money", undone: [] },
      { step: "item", reason: "Can not reserve the item", undone: ["cancel money"] },
      {
        step: "slot",
        reason: "Can not get the delivery slot",
        undone: ["cancel item", "cancel money"],
      },
    ] as const,
  )(
    "that is refused the $step has exactly the previous steps undone, the last first",
    ({ step, reason, undone }) =>
      Effect.gen(function* () {
        const sagas = yield* make({ reserve: { [step]: ["rejected"] } })
        yield* sagas.runToEnd
        assert.strictEqual(sagas.endOf("ann"), "failed")
        const reserves = everyReserve.slice(0, everyReserve.indexOf(`reserve ${step}`) + 1)
        assert.deepStrictEqual(sagas.sentOf("ann"), [...reserves, "abort", ...undone, "settle"])
        const abort = sagas.decisions.find(({ orderId, decision }) =>
          orderId === "ann" && decision === "abort"
        )
        assert.strictEqual(abort?.reason, reason)
        assert.strictEqual(sagas.statusOf("ann"), "failed")
      }),
  )

  it.effect("that is refused after an attempt without an answer has the same steps undone", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ reserve: { item: [unknown, "rejected"] } })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), [
        "reserve money",
        "reserve item",
        "reserve item",
        "abort",
        "cancel money",
        "settle",
      ])
    }))

  it.effect("that is refused is undone only after the register knows", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        reserve: { slot: ["rejected"] },
        register: times(20, unavailable),
      })
      yield* sagas.start
      yield* TestClock.adjust("30 seconds")
      const sent = sagas.sentOf("ann")
      assert.deepStrictEqual(sent, [...everyReserve, ...times(sent.length - 3, "abort")])
    }))

  it.effect("that meets a recorded cancel has the previous steps undone", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ status: "compensating", reserve: { slot: ["cancelled"] } })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), [
        ...everyReserve,
        "abort",
        "cancel item",
        "cancel money",
        "settle",
      ])
      const abort = sagas.decisions.find(({ orderId }) => orderId === "ann")
      assert.strictEqual(abort?.reason, "Order timed out")
    }))
})

describe.each(companies)("an order $company that waits for a participant", ({ make }) => {
  it.effect("is undone before its deadline when its customer cancels it", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        reserve: { item: times(1_000, unavailable) },
        register: ["compensating", "failed"],
      })
      yield* sagas.start
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(sagas.endOf("ann"), "failed")
      const sent = sagas.sentOf("ann")
      assert.deepStrictEqual(sent.slice(sent.indexOf("ask")), ["ask", ...everyCancel, "settle"])
    }))

  it.effect("is not asked about during a brief failure", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ reserve: { item: times(5, unavailable) } })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "completed")
      assert.notInclude(sagas.sentOf("ann"), "ask")
    }))
})

describe.each(companies)("the deadline of an order $company", ({ make }) => {
  it.effect("that passed before the start undoes every step, also unattempted ones", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ deadlineMs: 0 })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), ["abort", ...everyCancel, "settle"])
      assert.strictEqual(
        sagas.decisions.find(({ orderId }) => orderId === "ann")?.reason,
        "Order timed out",
      )
    }))

  it.effect("that passes between attempts undoes every step, also the unanswered one", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ deadlineMs: 10_000, reserve: { item: times(1_000, unknown) } })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      const sent = sagas.sentOf("ann")
      assert.notInclude(sent, "reserve slot")
      assert.deepStrictEqual(sent.slice(sent.indexOf("abort")), [
        "abort",
        ...everyCancel,
        "settle",
      ])
      // The last wait may end after the deadline, and is at most 3 s, with jitter.
      assert.isBelow(sagas.sentAtMs("ann", "reserve item").at(-1)!, 10_000)
      const [abortAtMs] = sagas.sentAtMs("ann", "abort")
      assert.isAtLeast(abortAtMs!, 10_000)
      assert.isAtMost(abortAtMs!, 13_600)
    }))

  it.effect("that passes during a request aborts the order after the answer", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        deadlineMs: 10_000,
        reserve: { item: [after(15_000, "reserved")] },
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), [
        "reserve money",
        "reserve item",
        "abort",
        ...everyCancel,
        "settle",
      ])
      const [reservedAtMs] = sagas.sentAtMs("ann", "reserve item")
      assert.strictEqual(sagas.sentAtMs("ann", "abort")[0], reservedAtMs! + 15_000)
    }))

  it.effect("that passes during the last request aborts instead of completing", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        deadlineMs: 10_000,
        reserve: { slot: [after(10_000, "reserved")] },
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), [
        ...everyReserve,
        "abort",
        ...everyCancel,
        "settle",
      ])
    }))

  it.effect("that passes after a rejection changes neither its reason nor what is undone", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        deadlineMs: 10_000,
        reserve: { item: [after(15_000, "rejected")] },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.sentOf("ann"), [
        "reserve money",
        "reserve item",
        "abort",
        "cancel money",
        "settle",
      ])
      assert.strictEqual(
        sagas.decisions.find(({ orderId }) => orderId === "ann")?.reason,
        "Can not reserve the item",
      )
    }))
})

it.effect("an order whose deadline is a millisecond away completes", () =>
  Effect.gen(function* () {
    const sagas = yield* scripted({
      ann: { deadlineMs: 10_000, reserve: { slot: [after(9_999, "reserved")] } },
    })
    yield* sagas.runToEnd
    assert.strictEqual(sagas.endOf("ann"), "completed")
  }))
