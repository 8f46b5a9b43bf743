import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Random } from "effect"
import { TestClock } from "effect/testing"
import type { Unavailable } from "#shared/transient.ts"
import {
  interrupt,
  rejected,
  runToEnd,
  type Scripted,
  scripted,
  start,
  times,
  unavailable,
  unknown,
} from "./scripted-saga.ts"

/** The waits between the attempts of one call, in milliseconds. */
const waitsOf = ({ sent, sentAtMs }: Scripted, call: string) => {
  const at = sentAtMs.filter((_, n) => sent[n] === call)
  return at.slice(1).map((atMs, n) => atMs - at[n]!)
}

const afterAbort = ({ sent }: Scripted) => sent.slice(sent.indexOf("abort") + 1)

const slow = Effect.sleep("20 seconds")

describe("a compensation", () => {
  it.effect("is registered before its reserve is sent, so one without an answer is cancelled", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 5_000, reserve: { slot: times(1_000, unknown) } })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(afterAbort(saga), [
        "cancel slot",
        "cancel item",
        "cancel money",
        "settle",
      ])
    }))

  it.effect("that fails is tried again, and no earlier step is cancelled until it is done", () =>
    Effect.gen(function* () {
      const saga = scripted({
        deadlineMs: 0,
        cancel: { slot: [unavailable, unknown], item: [unknown] },
      })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(afterAbort(saga), [
        ...times(3, "cancel slot"),
        ...times(2, "cancel item"),
        "cancel money",
        "settle",
      ])
    }))

  it.effect("is tried for ever, at waits that grow to 30 seconds, with jitter, and settles", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 0, cancel: { slot: times(60, unavailable) } })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("20 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      assert.notInclude(saga.sent, "cancel item")
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed("failed"))
      const waits = waitsOf(saga, "cancel slot")
      assert.strictEqual(waits.length, 60)
      waits.forEach((waitMs, n) => {
        const nominalMs = Math.min(50 * 2 ** n, 30_000)
        assert.isAtLeast(waitMs, nominalMs * 0.8)
        assert.isAtMost(waitMs, nominalMs * 1.2)
      })
      assert.isAbove(new Set(waits.slice(20)).size, 1)
    }).pipe(Random.withSeed("jitter")))

  it.effect("reports what it waits for from its third attempt on", () =>
    Effect.gen(function* () {
      const saga = scripted({
        deadlineMs: 0,
        cancel: { item: [unknown, unknown, unavailable, unknown] },
      })
      yield* runToEnd(saga)
      const reports = saga.decisions.filter(({ stuck }) => stuck !== undefined)
      const attemptedAtMs = saga.sentAtMs.filter((_, n) => saga.sent[n] === "cancel item")
      assert.deepStrictEqual(
        reports.map(({ stuck }) => ({ ...stuck, nextAttemptAt: Date.parse(stuck!.nextAttemptAt) })),
        [
          {
            step: "item",
            cause: "connection refused",
            attempts: 3,
            nextAttemptAt: Math.trunc(attemptedAtMs[3]!),
          },
          {
            step: "item",
            cause: "no answer within 5 s",
            attempts: 4,
            nextAttemptAt: Math.trunc(attemptedAtMs[4]!),
          },
        ],
      )
      for (const { decision, reason, timeline } of reports) {
        assert.deepStrictEqual({ decision, reason, timeline }, {
          decision: "abort",
          reason: undefined,
          timeline: [],
        })
      }
    }))

  it.effect("goes on when it can't report that it is stuck", () =>
    Effect.gen(function* () {
      const saga = scripted({
        deadlineMs: 0,
        cancel: { slot: times(5, unavailable) },
        register: ["honest", ...times(3, unavailable)],
      })
      assert.deepStrictEqual(yield* runToEnd(saga), Exit.succeed("failed"))
      assert.deepStrictEqual(waitsOf(saga, "stuck").length, 2)
    }))

  it.effect("of a step that was never asked for is not sent after a rejection", () =>
    Effect.gen(function* () {
      const saga = scripted({ reserve: { money: [rejected] } })
      yield* runToEnd(saga)
      assert.deepStrictEqual(afterAbort(saga), ["settle"])
    }))
})

describe("an interruption during compensation", () => {
  it.effect("lets the call in flight and the cancels after it run to their end", () =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<void>()
      const saga = scripted({
        deadlineMs: 0,
        cancel: { slot: [Deferred.await(answer)], item: [slow] },
      })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* interrupt(fiber))
      yield* Deferred.succeed(answer, undefined)
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.hasInterrupts(fiber.pollUnsafe()!))
      // What is left is to settle: whoever gets the saga next asks for its state, and does.
      assert.deepStrictEqual(afterAbort(saga), ["cancel slot", "cancel item", "cancel money"])
      assert.strictEqual(saga.status(), "compensating")
    }))

  it.effect("lets a repeated call that succeeds, and the cancels after it, run to their end", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 0, cancel: { slot: [unavailable, slow] } })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* interrupt(fiber))
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.hasInterrupts(fiber.pollUnsafe()!))
      assert.deepStrictEqual(afterAbort(saga), [
        ...times(2, "cancel slot"),
        "cancel item",
        "cancel money",
      ])
    }))

  it.effect("cuts the wait for the next attempt short, and sends no earlier cancel", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 0, cancel: { item: times(1_000, unavailable) } })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("10 minutes")
      const exit = yield* interrupt(fiber)
      assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
      yield* TestClock.adjust("1 hour")
      assert.notInclude(saga.sent, "cancel money")
      assert.notInclude(saga.sent, "settle")
      assert.strictEqual(saga.status(), "compensating")
    }))

  it.effect("whose call then fails makes no other attempt", () =>
    Effect.gen(function* () {
      const failsLate = Effect.andThen(slow, unknown)
      const saga = scripted({ deadlineMs: 0, cancel: { slot: [failsLate] } })
      const fiber = yield* start(saga)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* interrupt(fiber))
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Exit.hasInterrupts(fiber.pollUnsafe()!))
      assert.deepStrictEqual(afterAbort(saga), ["cancel slot"])
    }))

  it.effect("of the participant's client alone counts as one of the run", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: 0, cancel: { item: [Effect.interrupt] } })
      assert.isTrue(Exit.hasInterrupts(yield* runToEnd(saga)))
      assert.deepStrictEqual(afterAbort(saga), ["cancel slot", "cancel item"])
    }))
})

describe("a defect in a cancel", () => {
  it.effect("leaves the earlier steps as they are, settles nothing and surfaces as a defect", () =>
    Effect.gen(function* () {
      const defect = new Error("no such command")
      const saga = scripted({
        reserve: { slot: [rejected] },
        cancel: { item: [Effect.die(defect)] },
      })
      const exit = yield* runToEnd(saga)
      assert.deepStrictEqual(exit, Exit.die(defect))
      assert.deepStrictEqual(afterAbort(saga), ["cancel item"])
      assert.strictEqual(saga.status(), "compensating")
    }))

  it.effect("is not hidden by an attempt that failed before it", () =>
    Effect.gen(function* () {
      const defect = new Error("no such command")
      const saga = scripted({
        deadlineMs: 0,
        cancel: { slot: [unavailable, Effect.die(defect)] },
      })
      const exit = yield* runToEnd(saga)
      assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.every(Cause.isDieReason))
      assert.deepStrictEqual(afterAbort(saga), times(2, "cancel slot"))
    }))
})

it.effect("a cancelled wait leaves the saga to its next run, which undoes all of it", () =>
  Effect.gen(function* () {
    const gone: ReadonlyArray<Effect.Effect<void, Unavailable>> = times(40, unavailable)
    const first = scripted({ deadlineMs: 0, cancel: { item: gone } })
    const fiber = yield* start(first)
    yield* TestClock.adjust("1 minute")
    yield* interrupt(fiber)
    const second = scripted({ status: first.status(), redelivered: true })
    assert.deepStrictEqual(yield* runToEnd(second), Exit.succeed("failed"))
    assert.deepStrictEqual(second.sent, [
      "ask",
      "cancel slot",
      "cancel item",
      "cancel money",
      "settle",
    ])
  }))
