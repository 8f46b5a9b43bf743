/** A failure that only a person can resolve takes its own order out of a wave, and no other. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { orderSaga, type OrderStep, type Step } from "#shared/contracts/order-saga.ts"
import {
  refused,
  type Script,
  scripted,
  type Scripts,
  times,
  unavailable,
} from "./scripted-sagas.ts"

const others: Scripts = {
  bob: {},
  cid: { reserve: { slot: ["rejected"] } },
  dan: { deadlineMs: 0 },
  eve: { redelivered: true, status: "compensating" },
}

const assertOthersEnd = ({ endOf }: { endOf: (order: string) => string | undefined }) =>
  assert.deepStrictEqual(
    Object.keys(others).map(endOf),
    ["completed", "failed", "failed", "failed"],
  )

const slotTaking = (takes: Step["takes"]) =>
  orderSaga.map((row) => row.step === "slot" ? { ...row, takes } : row) as ReadonlyArray<OrderStep>

describe("an order", () => {
  it.effect.each<{ meets: string; script: Script; cause: string; last: string }>([
    {
      meets: "a participant refuses",
      script: { reserve: { item: [refused] } },
      cause: "items answered 400",
      last: "reserve item",
    },
    {
      meets: "a participant refuses when it is asked again",
      script: { reserve: { item: [unavailable, refused] } },
      cause: "items answered 400",
      last: "reserve item",
    },
    {
      meets: "a participant refuses to cancel",
      script: { deadlineMs: 0, cancel: { item: [unavailable, refused] } },
      cause: "items answered 400",
      last: "cancel item",
    },
    {
      meets: "the register refuses to tell of",
      script: { redelivered: true, register: [refused] },
      cause: "items answered 400",
      last: "ask",
    },
    {
      meets: "the register refuses to complete",
      script: { register: [refused] },
      cause: "items answered 400",
      last: "complete",
    },
    {
      meets: "the register refuses to settle",
      script: { deadlineMs: 0, register: ["honest", refused] },
      cause: "items answered 400",
      last: "settle",
    },
    {
      meets: "a participant knows otherwise",
      script: { reserve: { item: ["mismatch"] } },
      cause: "items has another reservation on record for the same order",
      last: "reserve item",
    },
    {
      meets: "a participant does not cancel",
      script: { reserve: { slot: ["rejected"] }, cancel: { item: ["reserved"] } },
      cause: "items answered a cancel with reserved",
      last: "cancel item",
    },
    {
      meets: "the register settles otherwise",
      script: { deadlineMs: 0, register: ["honest", "completed"] },
      cause: "The register answered a settlement with `completed`",
      last: "settle",
    },
  ])(
    "that $meets is buried with the cause, nothing more is sent for it, and the others go on",
    (
      { script, cause, last },
    ) =>
      Effect.gen(function* () {
        const sagas = yield* scripted({ ann: script, ...others })
        yield* sagas.runToEnd
        assert.strictEqual(sagas.endOf("ann"), `buried: ${cause}`)
        assert.strictEqual(sagas.sentOf("ann").at(-1), last)
        assert.strictEqual(sagas.log.filter(({ what }) => what === "buried: ann").length, 1)
        assertOthersEnd(sagas)
      }),
  )

  it.effect.each([{}, { redelivered: true }, { deadlineMs: 0 }])(
    "for which the table throws is buried before anything is sent for it: %o",
    (script) =>
      Effect.gen(function* () {
        const takes: Step["takes"] = (order) => {
          if (order.username === "ann") throw new Error("no such field")
          return ["10:00", 1]
        }
        const sagas = yield* scripted({ ann: script, ...others }, { rows: slotTaking(takes) })
        yield* sagas.runToEnd
        assert.match(sagas.endOf("ann")!, /^buried: .*no such field/)
        assert.deepStrictEqual(sagas.sentOf("ann"), [])
        assertOthersEnd(sagas)
      }),
  )

  it.effect("goes on if the table throws for it only at a step that it does not have", () =>
    Effect.gen(function* () {
      const takes = () => {
        throw new Error("no such field")
      }
      const ann: Script = { steps: ["money", "item"] }
      const sagas = yield* scripted({ ann }, { rows: slotTaking(takes) })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "completed")
    }))

  it.effect("that is buried while it is stuck is no longer reported as stuck", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { slot: [...times(4, unavailable), refused] } },
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "buried: items answered 400")
      assert.strictEqual(sagas.log.at(-1)?.what, "buried: ann")
    }))
})

describe("a queue that is unavailable", () => {
  it.effect("delays no compensation of orders that did not complete", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {},
        bob: { reserve: { slot: ["rejected"] } },
        cid: { reserve: { money: [refused] } },
        dan: { redelivered: true, status: "completed" },
      }, { queue: Effect.never })
      yield* sagas.start
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(sagas.statusOf("ann"), "completed")
      assert.strictEqual(sagas.statusOf("bob"), "failed")
    }))
})
