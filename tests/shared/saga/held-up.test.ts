/** A service that is away holds up only the orders of a wave that need it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { companies } from "./company.ts"
import { after, scripted, type Scripts, times, unavailable, unknown } from "./scripted-sagas.ts"

const away = times(1_000, unavailable)

/** The wave after a minute in which services that are away stay away. */
const afterAMinute = Effect.fnUntraced(function* (scripts: Scripts) {
  const sagas = yield* scripted(scripts)
  yield* sagas.start
  yield* TestClock.adjust("1 minute")
  return sagas
})

describe("a participant that is away", () => {
  it.effect("does not hold up orders that were refused before its step", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: { reserve: { slot: away } },
        bob: { reserve: { item: ["rejected"] } },
        cid: { deadlineMs: 0 },
        dan: { reserve: { slot: away } },
      })
      assert.deepStrictEqual([sagas.endOf("bob"), sagas.endOf("cid")], ["failed", "failed"])
      assert.deepStrictEqual([sagas.endOf("ann"), sagas.endOf("dan")], [undefined, undefined])
      assert.include(sagas.sent(), "abort: bob cid")
    }))

  it.effect("does not hold up orders without its step", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: { reserve: { item: away } },
        bob: { steps: ["money", "slot"] },
        cid: { steps: ["money"] },
      })
      assert.deepStrictEqual([sagas.endOf("bob"), sagas.endOf("cid")], ["completed", "completed"])
      assert.isUndefined(sagas.endOf("ann"))
    }))

  it.effect("does not hold up orders that it did answer: they go on together", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: { reserve: { money: away } },
        bob: {},
        cid: { reserve: { money: ["rejected"] } },
        dan: { reserve: { money: [unknown] } },
        eve: {},
      })
      assert.deepStrictEqual(
        ["ann", "bob", "cid", "dan", "eve"].map(sagas.endOf),
        [undefined, "completed", "failed", "completed", "completed"],
      )
      assert.deepStrictEqual(
        sagas.sent().filter((what) => !/^(reserve money|ask)/.test(what)),
        [
          "reserve item: bob eve",
          "reserve slot: bob eve",
          "complete: bob eve, abort: cid",
          "settle: cid",
          "reserve item: dan",
          "reserve slot: dan",
          "complete: dan",
        ],
      )
    }))

  it.effect("in compensations holds up only orders that have something to undo there", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: { reserve: { slot: ["rejected"] }, cancel: { item: away } },
        bob: { reserve: { item: ["rejected"] } },
        cid: { deadlineMs: 0, cancel: { item: away } },
        dan: { deadlineMs: 0, steps: ["money", "slot"] },
        eve: { reserve: { money: ["rejected"] } },
        fay: { deadlineMs: 0 },
      })
      assert.deepStrictEqual(
        ["bob", "dan", "eve", "fay"].map(sagas.endOf),
        [...times(4, "failed")],
      )
      assert.deepStrictEqual([sagas.endOf("ann"), sagas.endOf("cid")], [undefined, undefined])
      assert.notInclude(sagas.sentOf("cid"), "cancel money")
    }))

  it.effect("at each step holds up others, and all orders end when all are back", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { reserve: { money: times(20, unavailable) } },
        bob: { reserve: { item: times(20, unavailable) } },
        cid: { reserve: { slot: times(20, unavailable) } },
        dan: { register: times(20, unavailable) },
        eve: { deadlineMs: 0, cancel: { slot: times(20, unavailable) } },
        fay: { deadlineMs: 0, cancel: { money: times(20, unavailable) } },
        gus: { deadlineMs: 0, register: ["honest", ...times(20, unavailable)] },
      })
      yield* sagas.start
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(sagas.working(), 7)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sagas.working(), 0)
      assert.deepStrictEqual(
        ["ann", "bob", "cid", "dan", "eve", "fay", "gus"].map(sagas.endOf),
        [...times(4, "completed"), ...times(3, "failed")],
      )
    }))
})

describe("a register that is away", () => {
  it.effect("when some orders are asked about does not hold up the others", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: { redelivered: true, register: away },
        bob: {},
        cid: { redelivered: true, status: "completed" },
        dan: { redelivered: true, status: "compensating" },
        eve: { redelivered: true },
        fay: { reserve: { money: ["rejected"] } },
      })
      assert.deepStrictEqual(
        ["ann", "bob", "cid", "dan", "eve", "fay"].map(sagas.endOf),
        [undefined, "completed", "completed", "failed", "completed", "failed"],
      )
    }))

  it.effect("for some decisions does not hold up the orders that are decided", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: { register: away },
        bob: {},
        cid: { reserve: { item: ["rejected"] } },
        dan: { reserve: { item: ["rejected"] }, register: away },
        eve: { status: "compensating" },
        fay: { redelivered: true, status: "compensating" },
      })
      assert.deepStrictEqual(
        ["ann", "bob", "cid", "dan", "eve", "fay"].map(sagas.endOf),
        [undefined, "completed", "failed", undefined, "failed", "failed"],
      )
    }))

  it.effect("for some settlements does not hold up the others", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: { deadlineMs: 0, register: ["honest", ...away] },
        bob: { deadlineMs: 0 },
      })
      assert.deepStrictEqual([sagas.endOf("ann"), sagas.endOf("bob")], [undefined, "failed"])
    }))
})

describe("room for the next wave", () => {
  const roomAtMs = ({ log }: { log: ReadonlyArray<{ what: string; atMs: number }> }) =>
    log.find(({ what }) => what === "room")?.atMs

  it.effect.each<readonly [string, Scripts[string]]>([
    ["a participant", { reserve: { money: [after(1_000, "reserved")], item: away } }],
    ["the register when it asks", {
      redelivered: true,
      register: [Effect.delay(Effect.succeed(unknown), 1_000), ...away],
    }],
    ["a decision", { reserve: { money: [after(1_000, "reserved")] }, register: away }],
  ])("is made at the first failure of %s", ([, ann]) =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({ ann })
      assert.strictEqual(roomAtMs(sagas), 1_000)
      assert.isUndefined(sagas.endOf("ann"))
    }))

  it.effect("is made before anything is undone", () =>
    Effect.gen(function* () {
      const sagas = yield* afterAMinute({
        ann: {
          reserve: { slot: [after(1_000, "rejected")] },
          cancel: { item: [after(9_000, "cancelled")] },
        },
      })
      assert.strictEqual(roomAtMs(sagas), 1_000)
      assert.deepStrictEqual(sagas.log.map(({ what }) => what).slice(3, 6), [
        "abort: ann",
        "room",
        "cancel item: ann",
      ])
    }))

  it.effect("is not made while everything succeeds", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({ ann: { register: [after(1_000, "completed")] }, bob: {} })
      yield* sagas.start
      yield* TestClock.adjust(999)
      assert.isUndefined(roomAtMs(sagas))
      yield* TestClock.adjust(1)
      assert.strictEqual(roomAtMs(sagas), 1_000)
    }))

  it.effect("is made by a wave without orders, which sends nothing", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({})
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.log.map(({ what }) => what), ["room"])
    }))
})

it.effect("a wave of orders that meet everything brings each to its own end", () =>
  Effect.gen(function* () {
    const [, { make }] = companies
    const sagas = yield* make({})
    yield* sagas.runToEnd
    assert.deepStrictEqual(sagas.wave.runs.length + sagas.working(), 0)
    const ends = [...new Set(sagas.decisions.map(({ orderId }) => orderId))].map((order) => {
      return [order, sagas.endOf(order)]
    })
    assert.deepStrictEqual(Object.fromEntries(ends), {
      ann: "completed",
      completing: "completed",
      waiting: "completed",
      decided: "completed",
      asking: "completed",
      older: "completed",
      poor: "failed",
      unlucky: "failed",
      undone: "failed",
      overtaken: "failed",
      late: "buried: items answered a cancel with reserved",
      lost: "unknown",
    })
    assert.deepStrictEqual(
      ["poison", "strange"].map(sagas.endOf),
      [
        "buried: items answered 400",
        "buried: slots has another reservation on record for the same order",
      ],
    )
  }))
