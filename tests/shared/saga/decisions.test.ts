/**
 * What a wave asks and tells the register about each of its orders, and how it follows the answers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { companies } from "./company.ts"
import { scripted, type Status, times, unavailable } from "./scripted-sagas.ts"

const everyReserve = ["reserve money", "reserve item", "reserve slot"]
const everyCancel = ["cancel slot", "cancel item", "cancel money"]

describe.each(companies)("an order $company that is delivered again", ({ make }) => {
  it.effect.each(["completed", "failed"] as const)(
    "and is %s ends, and nothing else is sent for it",
    (status) =>
      Effect.gen(function* () {
        const sagas = yield* make({ redelivered: true, status, deadlineMs: 0 })
        yield* sagas.runToEnd
        assert.strictEqual(sagas.endOf("ann"), status)
        assert.deepStrictEqual(sagas.sentOf("ann"), ["ask"])
      }),
  )

  it.effect("and is compensating has every step undone, then settles", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ redelivered: true, status: "compensating" })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), ["ask", ...everyCancel, "settle"])
    }))

  it.effect.each([{ redelivered: true }, { republished: 1 }])(
    "and is pending goes on from the first step: %o",
    (again) =>
      Effect.gen(function* () {
        const sagas = yield* make(again)
        yield* sagas.runToEnd
        assert.strictEqual(sagas.endOf("ann"), "completed")
        assert.deepStrictEqual(sagas.sentOf("ann"), ["ask", ...everyReserve, "complete"])
      }),
  )

  it.effect("and is pending at its deadline has every step undone", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ republished: 3, deadlineMs: 0 })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), ["ask", "abort", ...everyCancel, "settle"])
    }))

  it.effect("and is unknown to the register is undone, and ends unknown", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ redelivered: true, status: "unknown" })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "unknown")
      assert.deepStrictEqual(sagas.sentOf("ann"), ["ask", ...everyCancel, "settle"])
    }))

  it.effect("does nothing before it knows its state", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ redelivered: true, register: times(1_000, unavailable) })
      yield* sagas.start
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([...new Set(sagas.sentOf("ann"))], ["ask"])
      assert.isAbove(sagas.sentOf("ann").length, 100)
    }))
})

describe.each(companies)("the register's answer to an order $company", ({ make }) => {
  it.effect("that it completed before the abort undoes nothing", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ status: "completed", deadlineMs: 0 })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "completed")
      assert.deepStrictEqual(sagas.sentOf("ann"), ["abort"])
    }))

  it.effect("that another run had undone it before the abort undoes nothing", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ status: "failed", reserve: { money: ["cancelled"] } })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), ["reserve money", "abort"])
    }))

  it.effect.each(
    [
      { status: "compensating", end: "failed" },
      { status: "unknown", end: "unknown" },
    ] as const,
  )(
    "that an order to be completed is $status undoes everything",
    ({ status, end }) =>
      Effect.gen(function* () {
        const sagas = yield* make({ status })
        yield* sagas.runToEnd
        assert.strictEqual(sagas.endOf("ann"), end)
        assert.deepStrictEqual(sagas.sentOf("ann"), [
          ...everyReserve,
          "complete",
          ...everyCancel,
          "settle",
        ])
      }),
  )

  it.effect("that was lost is requested again, and followed", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        reserve: { item: ["rejected"] },
        register: ["lost", "honest", "lost"],
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentOf("ann"), [
        "reserve money",
        "reserve item",
        "abort",
        "abort",
        "cancel money",
        "settle",
        "settle",
      ])
    }))

  it.effect("is waited for without end, even beyond the deadline", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ register: times(100, unavailable) })
      yield* sagas.start
      yield* TestClock.adjust("30 minutes")
      assert.isUndefined(sagas.endOf("ann"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sagas.endOf("ann"), "completed")
      assert.deepStrictEqual(sagas.sentOf("ann"), [...everyReserve, ...times(101, "complete")])
      const atMs = sagas.sentAtMs("ann", "complete")
      const waits = atMs.slice(1).map((ms, n) => ms - atMs[n]!)
      assert.isAtMost(Math.max(...waits), 36_000)
    }))

  it.effect.each(["complete", "abort", "settle"] as const)(
    "to %s that breaks the protocol is left to a person, and nothing more is done",
    (decision) =>
      Effect.gen(function* () {
        const pending: Status = "pending"
        const sagas = yield* make({
          reserve: decision === "complete" ? {} : { money: ["rejected"] },
          register: decision === "settle" ? ["honest", pending] : [pending],
        })
        yield* sagas.runToEnd
        assert.match(sagas.endOf("ann")!, /^buried: The register answered .*pend/)
        assert.strictEqual(sagas.sentOf("ann").at(-1), decision)
      }),
  )
})

describe("a wave", () => {
  it.effect("asks about all redelivered orders in one request, and about no others", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {},
        bob: { redelivered: true },
        cid: { republished: 2, status: "completed" },
        dan: { redelivered: true, status: "compensating" },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.sent(), [
        "ask: bob cid dan",
        "reserve money: ann bob",
        "reserve item: ann bob",
        "reserve slot: ann bob",
        "complete: ann bob",
        "cancel slot: dan",
        "cancel item: dan",
        "cancel money: dan",
        "settle: dan",
      ])
      assert.deepStrictEqual(
        ["ann", "bob", "cid", "dan"].map(sagas.endOf),
        ["completed", "completed", "completed", "failed"],
      )
    }))

  it.effect("decides refused, late and completed orders in one request", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {},
        bob: { reserve: { money: ["rejected"] } },
        cid: { deadlineMs: 0 },
        dan: { reserve: { slot: ["rejected"] } },
        eve: {},
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.sent().slice(3, 4), ["complete: ann eve, abort: bob cid dan"])
      assert.deepStrictEqual(
        sagas.decisions.slice(0, 5).map(({ orderId, reason }) => [orderId, reason]),
        [
          ["ann", undefined],
          ["bob", "Not enough money"],
          ["cid", "Order timed out"],
          ["dan", "Can not get the delivery slot"],
          ["eve", undefined],
        ],
      )
    }))
})
