/**
 * A process that is told to stop: it starts no compensation for that reason, and the next run of
 * each order goes on.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { companies } from "./company.ts"
import {
  after,
  type Answer,
  type OutcomeName,
  type Script,
  type Scripted,
  scripted,
  times,
  unavailable,
  unknown,
} from "./scripted-sagas.ts"

/** What is sent for the order from now on, in an hour. */
const sentAfterwards = Effect.fnUntraced(function* ({ sentOf }: Scripted, order: string) {
  const before = sentOf(order).length
  yield* TestClock.adjust("1 hour")
  return sentOf(order).slice(before)
})

const isAtRest = (sagas: Scripted) => {
  assert.strictEqual(sagas.working(), 0)
  assert.isUndefined(sagas.endOf("ann"))
}

const never = Effect.never

describe.each(companies)("an interruption of an order $company", ({ make }) => {
  it.effect.each<readonly [string, Script]>([
    ["the answer to a reserve", { reserve: { item: [never] } }],
    ["the answer to a repeated reserve", { reserve: { item: [unknown, never] } }],
    ["the next attempt of a reserve", { reserve: { slot: times(100, unavailable) } }],
    ["the register's answer about its state", { redelivered: true, register: [never] }],
    ["the next time it is asked for", { redelivered: true, register: times(100, unknown) }],
    ["its completion", { register: [never] }],
    ["the next attempt of its completion", { register: times(100, unknown) }],
    ["its abort", { reserve: { slot: ["rejected"] }, register: [never] }],
    ["the next attempt of its abort", {
      reserve: { slot: ["rejected"] },
      register: times(100, unknown),
    }],
  ])(
    "that waits for %s compensates nothing and sends nothing more",
    ([, script]) =>
      Effect.gen(function* () {
        const sagas = yield* make(script)
        yield* sagas.start
        yield* TestClock.adjust("20 seconds")
        yield* sagas.stop
        isAtRest(sagas)
        assert.deepStrictEqual(yield* sentAfterwards(sagas, "ann"), [])
        assert.isFalse(sagas.sentOf("ann").some((call) => call.startsWith("cancel")))
        assert.strictEqual(sagas.statusOf("ann"), "pending")
      }),
  )

  it.effect("that settles leaves it compensating", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ deadlineMs: 0, register: ["honest", ...times(100, unknown)] })
      yield* sagas.start
      yield* TestClock.adjust("20 seconds")
      yield* sagas.stop
      isAtRest(sagas)
      assert.deepStrictEqual(yield* sentAfterwards(sagas, "ann"), [])
      assert.strictEqual(sagas.statusOf("ann"), "compensating")
    }))

  it.effect("in a cancel does not wait for the answer, and cancels no earlier step", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        deadlineMs: 0,
        cancel: { slot: [after(100_000, "cancelled")], item: [after(20_000, "cancelled")] },
      })
      yield* sagas.start
      yield* TestClock.adjust("80 seconds")
      yield* sagas.stop
      isAtRest(sagas)
      // What is left to undo is left to the order's next run, which asks for its state first.
      assert.deepStrictEqual(yield* sentAfterwards(sagas, "ann"), [])
      assert.strictEqual(sagas.statusOf("ann"), "compensating")
    }))

  it.effect("between two attempts of a cancel ends the wait, and sends no earlier cancel", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ deadlineMs: 0, cancel: { item: times(1_000, unavailable) } })
      yield* sagas.start
      yield* TestClock.adjust("10 minutes")
      yield* sagas.stop
      isAtRest(sagas)
      assert.deepStrictEqual(yield* sentAfterwards(sagas, "ann"), [])
      assert.notInclude(sagas.sentOf("ann"), "cancel money")
      assert.strictEqual(sagas.statusOf("ann"), "compensating")
    }))

  it.effect("in a cancel that then fails makes no other attempt", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        deadlineMs: 0,
        cancel: { slot: [Effect.delay(Effect.succeed(unknown), "100 seconds")] },
      })
      yield* sagas.start
      yield* TestClock.adjust("80 seconds")
      yield* sagas.stop
      assert.deepStrictEqual(yield* sentAfterwards(sagas, "ann"), [])
      isAtRest(sagas)
      assert.strictEqual(sagas.sentOf("ann").at(-1), "cancel slot")
    }))

  it.effect("that only the participant's client has counts as one of the wave", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ deadlineMs: 0, cancel: { item: [Effect.interrupt] } })
      yield* sagas.start
      yield* TestClock.adjust("1 hour")
      isAtRest(sagas)
      assert.strictEqual(sagas.sentOf("ann").at(-1), "cancel item")
    }))

  it.effect("leaves its compensation to its next run, which does all of it", () =>
    Effect.gen(function* () {
      const first = yield* make({ deadlineMs: 0, cancel: { item: times(40, unavailable) } })
      yield* first.start
      yield* TestClock.adjust("1 minute")
      yield* first.stop
      const second = yield* make({ status: first.statusOf("ann")!, redelivered: true })
      yield* second.runToEnd
      assert.strictEqual(second.endOf("ann"), "failed")
      assert.deepStrictEqual(second.sentOf("ann"), [
        "ask",
        "cancel slot",
        "cancel item",
        "cancel money",
        "settle",
      ])
    }))
})

describe("an interruption in a cancel that would succeed for all", () => {
  it.effect.each<readonly [string, ReadonlyArray<Answer<OutcomeName>>]>([
    ["at first", []],
    ["when it is repeated", [unavailable]],
  ])("%s sends no cancels of earlier steps", ([, first]) =>
    Effect.gen(function* () {
      const slow = after(100_000, "cancelled" as const)
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { slot: [...first, slow] } },
        bob: { deadlineMs: 0, cancel: { slot: first } },
      })
      yield* sagas.start
      yield* TestClock.adjust("80 seconds")
      yield* sagas.stop
      isAtRest(sagas)
      assert.deepStrictEqual(yield* sentAfterwards(sagas, "ann"), [])
      assert.strictEqual(sagas.statusOf("ann"), "compensating")
    }))
})

describe("an interruption in a cancel that would succeed for some", () => {
  it.effect("sends nothing more for any of them", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { slot: [after(100_000, "cancelled")] } },
        bob: { deadlineMs: 0, cancel: { slot: times(9, unavailable) } },
      })
      yield* sagas.start
      yield* TestClock.adjust("80 seconds")
      yield* sagas.stop
      assert.deepStrictEqual(yield* sentAfterwards(sagas, "ann"), [])
      assert.deepStrictEqual(yield* sentAfterwards(sagas, "bob"), [])
      isAtRest(sagas)
    }))
})

it.effect("an interruption reaches every part of a wave", () =>
  Effect.gen(function* () {
    const sagas = yield* scripted({
      ann: { reserve: { money: times(1_000, unavailable) } },
      bob: { reserve: { item: times(1_000, unavailable) } },
      cid: { reserve: { slot: ["rejected"] }, cancel: { money: times(1_000, unavailable) } },
      dan: { reserve: { slot: ["rejected"] }, cancel: { item: times(1_000, unavailable) } },
      eve: { register: times(1_000, unavailable) },
      fay: { redelivered: true, register: times(1_000, unavailable) },
    })
    yield* sagas.start
    yield* TestClock.adjust("20 seconds")
    assert.strictEqual(sagas.working(), 6)
    yield* sagas.stop
    assert.strictEqual(sagas.working(), 0)
    const sent = sagas.log.length
    yield* TestClock.adjust("1 hour")
    assert.strictEqual(sagas.log.length, sent)
  }))
