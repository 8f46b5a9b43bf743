/** A wait for the next attempt that is ended early: for the woken order, once, and for no other. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { orderIdOf } from "#shared/saga/order-run.ts"
import { wake } from "#shared/saga/wait.ts"
import {
  after,
  misconfigured,
  type Scripted,
  scripted,
  times,
  unavailable,
} from "./scripted-sagas.ts"

/** Wakes these orders of a wave that has not split yet. */
const wakeThe = ({ wave }: Scripted, ...names: ReadonlyArray<string>) => {
  const runs = wave.runs.filter((run) => names.includes(orderIdOf(run)))
  return () => wake(runs)
}

describe("an order that is woken", () => {
  it.effect("is retried at once, together with its wave when all of it was woken", () =>
    Effect.gen(function* () {
      const away = { reserve: { item: [misconfigured] } }
      const sagas = yield* scripted({ ann: away, bob: away })
      const wakeBoth = wakeThe(sagas, "ann", "bob")
      yield* sagas.start
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(sagas.sentAtMs("ann", "reserve item"), [0])
      assert.strictEqual(wakeBoth(), 2)
      assert.strictEqual(wakeBoth(), 0)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(sagas.sent().slice(2), [
        "reserve item: ann bob",
        "reserve slot: ann bob",
        "complete: ann bob",
      ])
      assert.deepStrictEqual(sagas.sentAtMs("ann", "reserve item"), [0, 1_000])
      assert.strictEqual(wakeBoth(), 0)
      // The wait is over: it would cause another attempt.
      yield* TestClock.adjust(60_000)
      assert.strictEqual(sagas.sent().length, 5)
      assert.strictEqual(sagas.working(), 0)
    }))

  it.effect("leaves the others of its wave, which wait as long as without it", () =>
    Effect.gen(function* () {
      const away = { reserve: { item: [misconfigured] } }
      const usual = yield* scripted({ ann: away, bob: away, cid: away })
      yield* usual.runToEnd
      const [, usualMs] = usual.sentAtMs("bob", "reserve item")
      const sagas = yield* scripted({ ann: away, bob: away, cid: away })
      yield* TestClock.setTime(0)
      const wakeBob = wakeThe(sagas, "bob")
      yield* sagas.start
      yield* TestClock.adjust(2_000)
      assert.strictEqual(wakeBob(), 1)
      yield* TestClock.adjust(0)
      assert.strictEqual(sagas.endOf("bob"), "completed")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sagas.working(), 0)
      const [firstMs, againMs, ...more] = sagas.sentAtMs("ann", "reserve item")
      assert.strictEqual(firstMs, 0)
      // The jitter of a wait is a tenth at most, either way.
      assert.approximately(againMs!, usualMs!, 4_000)
      assert.isAtLeast(againMs!, 8_000)
      assert.deepStrictEqual(more, [])
      assert.deepStrictEqual(sagas.sentAtMs("cid", "reserve item"), [0, againMs!])
      assert.strictEqual(sagas.endOf("ann"), "completed")
    }))

  it.effect("is retried as often as it fails, with short waits at first, and keeps its count", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { reserve: { money: [misconfigured, unavailable, unavailable] } },
        bob: { reserve: { money: [misconfigured] } },
      })
      const run = sagas.wave.runs[0]!
      const wakeAnn = wakeThe(sagas, "ann")
      yield* sagas.start
      yield* TestClock.adjust(5_000)
      assert.isDefined(run.wait)
      wakeAnn()
      yield* TestClock.adjust(0)
      assert.strictEqual(run.attempts, 2)
      assert.strictEqual(run.startedAtMs, 0)
      yield* TestClock.adjust(1_000)
      assert.strictEqual(sagas.endOf("ann"), "completed")
      assert.isUndefined(run.wait)
      const told = sagas.decisions.find(({ orderId }) => String(orderId) === "ann")
      assert.deepInclude(told?.timeline[0], { step: "money", attempts: 4 })
    }))

  it.effect("is undone in the order of its steps, as without being woken", () =>
    Effect.gen(function* () {
      const stuck = {
        reserve: { slot: ["rejected"] },
        cancel: { item: times(3, misconfigured) },
      } as const
      const sagas = yield* scripted({ ann: stuck, bob: stuck })
      const wakeAnn = wakeThe(sagas, "ann")
      yield* sagas.start
      yield* TestClock.adjust(1_000)
      for (let n = 0; n < 3; n++) {
        assert.strictEqual(wakeAnn(), 1)
        yield* TestClock.adjust(n < 2 ? 100 : 0)
      }
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.isUndefined(sagas.endOf("bob"))
      assert.deepStrictEqual(
        sagas.sentOf("ann").filter((sent) => sent.startsWith("cancel")).slice(-2),
        ["cancel item", "cancel money"],
      )
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sagas.endOf("bob"), "failed")
      assert.strictEqual(sagas.working(), 0)
    }))

  it.effect("turns round if its deadline has passed meanwhile", () =>
    Effect.gen(function* () {
      const away = { reserve: { item: times(100, unavailable) }, deadlineMs: 5_000 }
      const sagas = yield* scripted({ ann: away, bob: away })
      const wakeAnn = wakeThe(sagas, "ann")
      yield* sagas.start
      yield* TestClock.adjust(4_900)
      yield* TestClock.adjust(200)
      wakeAnn()
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.strictEqual(sagas.statusOf("ann"), "failed")
      assert.strictEqual(sagas.endOf("bob"), "failed")
    }))

  it.effect("changes nothing while its request is out", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({ ann: { reserve: { item: [after(3_000, unavailable)] } } })
      const wakeAnn = wakeThe(sagas, "ann")
      yield* sagas.start
      yield* TestClock.adjust(1_000)
      assert.strictEqual(wakeAnn(), 0)
      yield* TestClock.adjust(2_000)
      assert.strictEqual(wakeAnn(), 1)
      yield* TestClock.adjust(0)
      assert.strictEqual(sagas.endOf("ann"), "completed")
    }))
})
