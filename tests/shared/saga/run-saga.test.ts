import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import type { SagaStatus } from "#shared/saga/saga.ts"
import {
  cancelled,
  interrupt,
  rejected,
  runToEnd,
  scripted,
  start,
  times,
  unavailable,
  unknown,
} from "./scripted-saga.ts"

const everyReserve = ["reserve money", "reserve item", "reserve slot"]
const everyCancel = ["cancel slot", "cancel item", "cancel money"]

describe("going forward", () => {
  it.effect("reserves every step in order and completes", () =>
    Effect.gen(function* () {
      const saga = scripted()
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("completed"))
      assert.deepStrictEqual(saga.sent, [...everyReserve, "complete"])
      assert.strictEqual(saga.status(), "completed")
    }))

  it.effect.each([["unavailable", unavailable] as const, ["unknown", unknown] as const])(
    "repeats a reserve whose outcome is %s, and undoes nothing",
    ([, failure]) =>
      Effect.gen(function* () {
        const saga = scripted({ reserve: { item: times(4, failure) } })
        assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("completed"))
        assert.deepStrictEqual(saga.sent, [
          "reserve money",
          ...times(5, "reserve item"),
          "reserve slot",
          "complete",
        ])
      }),
  )

  it.effect("compensates nothing when it is interrupted in a call", () =>
    Effect.gen(function* () {
      const saga = scripted({ reserve: { item: [Effect.never] } })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("1 second")
      const exit = yield* interrupt(fiber)
      assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
      assert.deepStrictEqual(saga.sent, ["reserve money", "reserve item"])
      assert.strictEqual(saga.status(), "pending")
    }))

  it.effect("compensates nothing when it is interrupted between two attempts", () =>
    Effect.gen(function* () {
      const saga = scripted({ reserve: { slot: times(100, unavailable) } })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("10 seconds")
      yield* interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.notInclude(saga.sent, "abort")
      assert.isFalse(saga.sent.some((call) => call.startsWith("cancel")))
    }))

  it.effect("compensates nothing and dies when a reserve has a defect", () =>
    Effect.gen(function* () {
      const defect = new Error("mismatch")
      const saga = scripted({ reserve: { item: [Effect.die(defect)] } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.die(defect))
      assert.deepStrictEqual(saga.sent, ["reserve money", "reserve item"])
      assert.strictEqual(saga.status(), "pending")
    }))
})

describe("a refusal", () => {
  it.effect.each(
    [
      { step: "money", reason: "no money", undone: [] },
      { step: "item", reason: "no item", undone: ["cancel money"] },
      { step: "slot", reason: "no slot", undone: ["cancel item", "cancel money"] },
    ] as const,
  )(
    "of the $step undoes exactly the steps before it, the last first",
    ({ step, reason, undone }) =>
      Effect.gen(function* () {
        const saga = scripted({ reserve: { [step]: [rejected] } })
        assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
        const reserves = everyReserve.slice(0, everyReserve.indexOf(`reserve ${step}`) + 1)
        assert.deepStrictEqual(saga.sent, [...reserves, "abort", ...undone, "settle"])
        assert.strictEqual(saga.decisions[0]?.reason, reason)
        assert.strictEqual(saga.status(), "failed")
      }),
  )

  it.effect("that comes after an attempt without an answer counts as much", () =>
    Effect.gen(function* () {
      const saga = scripted({ reserve: { item: [unknown, rejected] } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, [
        "reserve money",
        "reserve item",
        "reserve item",
        "abort",
        "cancel money",
        "settle",
      ])
    }))

  it.effect("is told to the register before anything is undone", () =>
    Effect.gen(function* () {
      const saga = scripted({
        reserve: { slot: [rejected] },
        register: times(20, unavailable),
      })
      yield* start(saga)
      yield* TestClock.adjust("30 seconds")
      assert.isFalse(saga.sent.some((call) => call.startsWith("cancel")))
    }))

  it.effect("by a recorded cancel aborts and undoes the steps before it", () =>
    Effect.gen(function* () {
      const saga = scripted({ status: "compensating", reserve: { slot: [cancelled] } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, [
        ...everyReserve,
        "abort",
        "cancel item",
        "cancel money",
        "settle",
      ])
      assert.strictEqual(saga.decisions[0]?.reason, "timed out")
    }))
})

describe("the deadline", () => {
  it.effect("that passed before the start undoes every step, though this run attempted none", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 0 })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, ["abort", ...everyCancel, "settle"])
      assert.strictEqual(saga.decisions[0]?.reason, "timed out")
    }))

  it.effect("that passes between attempts undoes every step, the unanswered one too", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 10_000, reserve: { item: times(1_000, unknown) } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      const abortAt = saga.sent.indexOf("abort")
      assert.notInclude(saga.sent, "reserve slot")
      assert.deepStrictEqual(saga.sent.slice(abortAt), ["abort", ...everyCancel, "settle"])
      assert.strictEqual(saga.decisions[0]?.reason, "timed out")
      // The last wait may reach over the deadline, and is at most 3 s, with jitter.
      assert.isAtLeast(saga.sentAtMs[abortAt]!, 10_000)
      assert.isAtMost(saga.sentAtMs[abortAt]!, 13_600)
    }))

  it.effect("that passes during a call does not cut it off, and aborts after it", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 10_000, reserve: { item: [Effect.sleep(15_000)] } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, [
        "reserve money",
        "reserve item",
        "abort",
        ...everyCancel,
        "settle",
      ])
      assert.strictEqual(saga.sentAtMs[2], 15_000)
    }))

  it.effect("that passes during the last call aborts instead of completing", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 10_000, reserve: { slot: [Effect.sleep(10_000)] } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, [...everyReserve, "abort", ...everyCancel, "settle"])
    }))

  it.effect("that is a millisecond away lets the saga complete", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 10_000, reserve: { slot: [Effect.sleep(9_999)] } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("completed"))
    }))
})

describe("a saga that is delivered again", () => {
  it.effect.each(["completed", "failed"] as const)(
    "and has %s sends nothing",
    (status) =>
      Effect.gen(function* () {
        const saga = scripted({ redelivered: true, status, deadlineMs: 0 })
        assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed(status))
        assert.deepStrictEqual(saga.sent, ["ask"])
      }),
  )

  it.effect("and is compensating has every step undone, then settles", () =>
    Effect.gen(function* () {
      const saga = scripted({ redelivered: true, status: "compensating" })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, ["ask", ...everyCancel, "settle"])
    }))

  it.effect("and is pending goes on from the first step", () =>
    Effect.gen(function* () {
      const saga = scripted({ redelivered: true })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("completed"))
      assert.deepStrictEqual(saga.sent, ["ask", ...everyReserve, "complete"])
    }))

  it.effect("and that the register does not know is undone, and ends unknown", () =>
    Effect.gen(function* () {
      const saga = scripted({ redelivered: true, status: "unknown" })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("unknown"))
      assert.deepStrictEqual(saga.sent, ["ask", ...everyCancel, "settle"])
    }))
})

describe("the register's answer", () => {
  it.effect("that an abort came after a completion undoes nothing", () =>
    Effect.gen(function* () {
      const saga = scripted({ status: "completed", deadlineMs: 0 })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("completed"))
      assert.deepStrictEqual(saga.sent, ["abort"])
    }))

  it.effect("that an abort came after another's undo undoes nothing", () =>
    Effect.gen(function* () {
      const saga = scripted({ status: "failed", reserve: { money: [cancelled] } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, ["reserve money", "abort"])
    }))

  it.effect("that a completion came after an abort undoes everything", () =>
    Effect.gen(function* () {
      const saga = scripted({ status: "compensating" })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, [...everyReserve, "complete", ...everyCancel, "settle"])
    }))

  it.effect("that it does not know the saga it is to complete undoes everything", () =>
    Effect.gen(function* () {
      const saga = scripted({ status: "unknown" })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("unknown"))
      assert.deepStrictEqual(saga.sent, [...everyReserve, "complete", ...everyCancel, "settle"])
    }))

  it.effect("that was lost is asked for again, and obeyed", () =>
    Effect.gen(function* () {
      const saga = scripted({ reserve: { item: [rejected] }, register: ["lost", "honest", "lost"] })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(saga.sent, [
        "reserve money",
        "reserve item",
        "abort",
        "abort",
        "cancel money",
        "settle",
        "settle",
      ])
    }))

  it.effect("is waited for without end, the deadline notwithstanding", () =>
    Effect.gen(function* () {
      const saga = scripted({ register: times(100, unavailable) })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("30 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed("completed"))
      assert.deepStrictEqual(saga.sent, [...everyReserve, ...times(101, "complete")])
      const waits = saga.sentAtMs.slice(4).map((atMs, n) => atMs - saga.sentAtMs[n + 3]!)
      assert.isAtMost(Math.max(...waits), 36_000)
    }))

  it.effect.each(["complete", "abort", "settle"] as const)(
    "to %s that breaks its promise is a defect, and nothing more is done",
    (decision) =>
      Effect.gen(function* () {
        const pending = Effect.succeed<SagaStatus>("pending")
        const saga = scripted({
          reserve: decision === "complete" ? {} : { money: [rejected] },
          register: decision === "settle" ? ["honest", pending] : [pending],
        })
        const exit = yield* runToEnd(saga)
        assert.isTrue(Exit.hasDies(exit))
        assert.strictEqual(saga.sent.at(-1), decision)
      }),
  )
})

it.effect("a run has nothing of an earlier run of the same saga", () =>
  Effect.gen(function* () {
    const saga = scripted({ deadlineMs: Infinity })
    yield* runToEnd(saga)
    yield* runToEnd(saga)
    assert.deepStrictEqual(saga.sent, times(2, [...everyReserve, "complete"]).flat())
    assert.strictEqual(saga.decisions[1]?.timeline.length, 3)
  }))
