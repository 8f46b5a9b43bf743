import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  rejected,
  runToEnd,
  type Scripted,
  scripted,
  start,
  unavailable,
  unknown,
} from "./scripted-saga.ts"

const second = 1_000
const slowly = Effect.sleep(2 * second)

/** What was told with each decision, in words: step, action, outcome, attempts and seconds; `at` is left out. */
const toldWith = ({ decisions }: Scripted) =>
  decisions.map(({ decision, timeline }) => [
    decision,
    ...timeline.map(({ step, action, outcome, attempts, durationMs }) =>
      `${action} ${step}: ${outcome} after ${attempts} in ${durationMs} ms`
    ),
  ])

describe("the timeline", () => {
  it.effect("of a completed saga is told with the completion", () =>
    Effect.gen(function* () {
      const saga = scripted({ reserve: { item: [slowly] } })
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      yield* start({ ...saga, saga: { ...saga.saga, deadlineMs: Infinity } })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(saga.decisions, [{
        decision: "complete",
        timeline: [
          {
            step: "money",
            action: "reserve",
            outcome: "reserved",
            attempts: 1,
            at: "2026-01-01T00:00:00.000Z",
            durationMs: 0,
          },
          {
            step: "item",
            action: "reserve",
            outcome: "reserved",
            attempts: 1,
            at: "2026-01-01T00:00:02.000Z",
            durationMs: 2_000,
          },
          {
            step: "slot",
            action: "reserve",
            outcome: "reserved",
            attempts: 1,
            at: "2026-01-01T00:00:02.000Z",
            durationMs: 0,
          },
        ],
      }])
    }))

  it.effect("of an undone saga is told in two parts: reserves when it aborts, cancels when it settles", () =>
    Effect.gen(function* () {
      const saga = scripted({
        reserve: { slot: [Effect.andThen(slowly, rejected)] },
        cancel: { money: [slowly] },
      })
      yield* runToEnd(saga)
      assert.deepStrictEqual(toldWith(saga), [
        [
          "abort",
          "reserve money: reserved after 1 in 0 ms",
          "reserve item: reserved after 1 in 0 ms",
          "reserve slot: rejected after 1 in 2000 ms",
        ],
        [
          "settle",
          "cancel item: cancelled after 1 in 0 ms",
          "cancel money: cancelled after 1 in 2000 ms",
        ],
      ])
    }))

  it.effect("counts the attempts of a call, and the time from its first to its answer", () =>
    Effect.gen(function* () {
      const saga = scripted({
        reserve: { money: [unavailable, unknown], item: [unknown, rejected] },
        cancel: { money: [unknown, unavailable, unknown] },
      })
      yield* runToEnd(saga)
      const [abort, settle] = saga.decisions.filter(({ stuck }) => stuck === undefined)
      const at = (call: string) => saga.sentAtMs.filter((_, n) => saga.sent[n] === call)
      const tookMs = (call: string) => at(call).at(-1)! - at(call)[0]!
      assert.deepStrictEqual(
        [...abort!.timeline, ...settle!.timeline].map(({ attempts, durationMs }) => ({
          attempts,
          durationMs,
        })),
        [
          { attempts: 3, durationMs: tookMs("reserve money") },
          { attempts: 2, durationMs: tookMs("reserve item") },
          { attempts: 4, durationMs: tookMs("cancel money") },
        ],
      )
      assert.isAbove(tookMs("cancel money"), 200)
    }))

  it.effect("has no entry for a reserve that was never answered", () =>
    Effect.gen(function* () {
      const saga = scripted({ deadlineMs: second, reserve: { money: Array(100).fill(unknown) } })
      yield* runToEnd(saga)
      assert.deepStrictEqual(saga.decisions[0], {
        decision: "abort",
        reason: "timed out",
        timeline: [],
      })
    }))

  it.effect("is told once when a decision is repeated, and what a lost completion told is not told again", () =>
    Effect.gen(function* () {
      const saga = scripted({ status: "compensating", register: [unavailable, "lost"] })
      yield* runToEnd(saga)
      const [first, second, third, settle] = saga.decisions
      assert.deepStrictEqual([second, third], [first, first])
      assert.deepStrictEqual(first?.timeline.map(({ step }) => step), ["money", "item", "slot"])
      assert.deepStrictEqual(
        settle?.timeline.map(({ step, action }) => `${action} ${step}`),
        ["cancel slot", "cancel item", "cancel money"],
      )
    }))

  it.effect("of a run that only asks is empty", () =>
    Effect.gen(function* () {
      const saga = scripted({ redelivered: true, status: "failed" })
      yield* runToEnd(saga)
      assert.deepStrictEqual(saga.decisions, [{ decision: "ask", timeline: [] }])
    }))
})
