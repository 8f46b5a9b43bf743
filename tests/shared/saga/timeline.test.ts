/** What the register learns about an order's history, with each decision. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import { companies } from "./company.ts"
import {
  after,
  type OutcomeName,
  type Scripted,
  scripted,
  times,
  unavailable,
  unknown,
} from "./scripted-sagas.ts"

const decisionsOf = ({ decisions }: Scripted, order: string) =>
  decisions.filter(({ orderId, stuck }) => orderId === order as string && stuck === undefined)

/**
 * What each decision reported, as text: action, step, outcome, attempts and time; `at` is left out.
 */
const toldOf = (sagas: Scripted, order: string) =>
  decisionsOf(sagas, order).map(({ decision, timeline }) => [
    decision,
    ...timeline.map(({ step, action, outcome, attempts, durationMs }) =>
      `${action} ${step}: ${outcome} after ${attempts} in ${durationMs} ms`
    ),
  ])

describe("the timeline", () => {
  it.effect("of a completed order is sent with the completion", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({ ann: { reserve: { item: [after(2_000, "reserved")] } } })
      yield* sagas.runToEnd
      const [{ timeline, ...decision }] = sagas.decisions as [Scripted["decisions"][number]]
      assert.deepStrictEqual(decision as unknown, { orderId: "ann", decision: "complete" })
      const entry = { action: "reserve", outcome: "reserved", attempts: 1 } as const
      assert.deepStrictEqual([...timeline], [
        { step: "money", ...entry, at: "1970-01-01T00:00:00.000Z", durationMs: 0 },
        { step: "item", ...entry, at: "1970-01-01T00:00:02.000Z", durationMs: 2_000 },
        { step: "slot", ...entry, at: "1970-01-01T00:00:02.000Z", durationMs: 0 },
      ])
    }))

  it.effect("of an undone order is sent in two parts, with the abort and the settlement", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {
          reserve: { slot: [after(2_000, "rejected")] },
          cancel: { money: [after(3_000, "cancelled")] },
        },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(toldOf(sagas, "ann"), [
        [
          "abort",
          "reserve money: reserved after 1 in 0 ms",
          "reserve item: reserved after 1 in 0 ms",
          "reserve slot: rejected after 1 in 2000 ms",
        ],
        [
          "settle",
          "cancel item: cancelled after 1 in 0 ms",
          "cancel money: cancelled after 1 in 3000 ms",
        ],
      ])
    }))

  it.effect("has the order's own attempts and waiting times, not those of others", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {},
        bob: { reserve: { item: [unavailable, unknown, after(2_000, "rejected")] } },
        cid: { reserve: { item: [unavailable] } },
      })
      yield* sagas.runToEnd
      const at = (order: string) => sagas.sentAtMs(order, "reserve item")
      const tookMs = (order: string, answerMs = 0) =>
        Math.round(at(order).at(-1)! + answerMs - at(order)[0]!)
      assert.deepStrictEqual(
        ["ann", "bob", "cid"].map((order) => toldOf(sagas, order)[0]?.[2]),
        [
          "reserve item: reserved after 1 in 0 ms",
          `reserve item: rejected after 3 in ${tookMs("bob", 2_000)} ms`,
          `reserve item: reserved after 2 in ${tookMs("cid")} ms`,
        ],
      )
    }))

  it.effect("has each order's own waiting time, also if others are answered with it", () =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<OutcomeName>()
      const sagas = yield* scripted({
        ann: { steps: ["money", "item"], reserve: { item: [Deferred.await(answer)] } },
        bob: { reserve: { money: [unavailable], item: [Deferred.await(answer)] } },
      })
      yield* sagas.start
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(answer, "reserved")
      yield* TestClock.adjust(0)
      const [later] = sagas.sentAtMs("bob", "reserve item")
      assert.isAbove(later!, 0)
      assert.deepStrictEqual(
        ["ann", "bob"].map((order) => toldOf(sagas, order)[0]?.[2]),
        [
          "reserve item: reserved after 1 in 1000 ms",
          `reserve item: reserved after 1 in ${Math.round(1_000 - later!)} ms`,
        ],
      )
    }))
})

describe.each(companies)("the timeline of an order $company", ({ make }) => {
  it.effect("counts the attempts of a call", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        reserve: { money: [unavailable, unknown], item: [unknown, "rejected"] },
        cancel: { money: [unknown, unavailable, unknown] },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(
        decisionsOf(sagas, "ann").flatMap(({ timeline }) =>
          timeline.map(({ step, attempts }) => [step, attempts])
        ),
        [["money", 3], ["item", 2], ["money", 4]],
      )
    }))

  it.effect("has no entry for a reserve that was never answered", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ deadlineMs: 1_000, reserve: { money: times(100, unknown) } })
      yield* sagas.runToEnd
      const [abort] = decisionsOf(sagas, "ann")
      assert.strictEqual(abort?.decision, "abort")
      assert.deepStrictEqual(abort?.timeline.length, 0)
    }))

  it.effect("is sent once when a decision is repeated or a completion is lost", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ status: "compensating", register: [unavailable, "lost"] })
      yield* sagas.runToEnd
      const [first, second, third, settle] = decisionsOf(sagas, "ann")
      assert.deepStrictEqual([second, third], [first, first])
      assert.deepStrictEqual(first?.timeline.map(({ step }) => step), ["money", "item", "slot"])
      assert.deepStrictEqual(
        settle?.timeline.map(({ step, action }) => `${action} ${step}`),
        ["cancel slot", "cancel item", "cancel money"],
      )
    }))

  it.effect("of a run that only asks is empty", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ redelivered: true, status: "failed" })
      yield* sagas.runToEnd
      assert.deepStrictEqual(toldOf(sagas, "ann"), [["ask"]])
    }))
})
