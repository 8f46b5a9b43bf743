/** The saga of an order over the real rules of a saga, with participants and a register that do as a test tells them. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Metric, References } from "effect"
import { TestClock } from "effect/testing"
import { type Participant, Participants } from "#services/orchestrator/participants.ts"
import { Register } from "#services/orchestrator/register.ts"
import { SagaRunner, sagaRunnerLayer } from "#services/orchestrator/saga-runner.ts"
import type { Decision } from "#shared/contracts/decision.ts"
import { Rejected, type SagaStatus } from "#shared/saga/saga.ts"
import { Unavailable } from "#shared/transient.ts"
import { anOrder } from "#tests/shared/queue/subjects.ts"

const unavailable = Effect.fail(new Unavailable({ message: "items can not be reached" }))

const world = Effect.gen(function* () {
  const calls: Array<string> = []
  const decisions: Array<Decision> = []
  const script = {
    /** What becomes of a call, such as "cancel item 7 1"; every other one succeeds. */
    conduct: {} as Record<string, Effect.Effect<void, Rejected | Unavailable>>,
    statuses: [] as Array<SagaStatus>,
  }
  const participant = (name: string): Participant => {
    const call = (action: string, resource: string, quantity: number) =>
      Effect.suspend(() => {
        calls.push(`${action} ${name} ${resource} ${quantity}`)
        return script.conduct[`${action} ${name}`] ?? Effect.void
      })
    return {
      reserve: (_, resource, quantity) => call("reserve", resource, quantity),
      cancel: (_, resource, quantity) =>
        call("cancel", resource, quantity) as Effect.Effect<void, Unavailable>,
    }
  }
  const ends = {
    complete: "completed",
    abort: "compensating",
    settle: "failed",
    ask: "pending",
  } as const
  const context = yield* Layer.build(
    sagaRunnerLayer({ deadlineMs: 120_000 }).pipe(Layer.provide([
      Layer.succeed(Participants, {
        billing: participant("money"),
        items: participant("item"),
        slots: participant("slot"),
      }),
      Layer.succeed(Register, {
        decide: (decision) =>
          Effect.sync(() => {
            decisions.push(decision)
            return script.statuses.shift() ?? ends[decision.decision]
          }),
      }),
    ])),
  )
  return Object.assign(script, { calls, decisions, ...Context.get(context, SagaRunner) })
})

/** An order that was accepted when the test's clock stood at 0. */
const fresh = () => ({ ...anOrder(), createdAtMs: 0 })

const metric = (name: string, attributes: Record<string, string> = {}) =>
  Effect.map(
    Metric.snapshot,
    (all) =>
      all.find((one) =>
        one.id === name && Object.entries(attributes).every(([key, value]) =>
          (one.attributes as Record<string, string> | undefined)?.[key] === value
        )
      )?.state as { readonly value: number; readonly count: number } | undefined,
  )

describe("runToEnd", () => {
  it.effect("reserves what the order says, and completes it", () =>
    Effect.gen(function* () {
      const { runToEnd, calls, decisions } = yield* world
      const order = { ...fresh(), username: "ann", amountMinor: 1999, item: 7, slot: "10:00" }
      assert.strictEqual(yield* runToEnd(order, false), "completed")
      assert.deepStrictEqual(calls, [
        "reserve money ann 1999",
        "reserve item 7 1",
        "reserve slot 10:00 1",
      ])
      assert.deepStrictEqual(
        decisions.map(({ orderId, decision, timeline }) => [orderId, decision, timeline.length]),
        [[order.orderId, "complete", 3]],
      )
    }))

  it.effect.each<readonly [string, string, Array<string>]>(
    [
      ["money", "Not enough money", []],
      ["item", "Can not reserve the item", ["cancel money"]],
      ["slot", "Can not get the delivery slot", ["cancel item", "cancel money"]],
    ],
  )(
    "gives back what was reserved when %s is refused, last first",
    ([step, reason, undone]) =>
      Effect.gen(function* () {
        const running = yield* world
        running.conduct[`reserve ${step}`] = Effect.fail(new Rejected())
        assert.strictEqual(yield* running.runToEnd(fresh(), false), "failed")
        const cancels = running.calls.filter((call) => call.startsWith("cancel"))
        assert.deepStrictEqual(cancels.map((call) => call.split(" ").slice(0, 2).join(" ")), undone)
        assert.deepStrictEqual(
          running.decisions.map(({ decision, reason }) => [decision, reason]),
          [["abort", reason], ["settle", undefined]],
        )
      }),
  )

  it.effect("gives everything back when two minutes have passed since the order was accepted", () =>
    Effect.gen(function* () {
      const running = yield* world
      yield* TestClock.adjust(120_000)
      assert.strictEqual(yield* running.runToEnd(fresh(), false), "failed")
      assert.deepStrictEqual(running.calls.map((call) => call.split(" ").slice(0, 2).join(" ")), [
        "cancel slot",
        "cancel item",
        "cancel money",
      ])
      assert.strictEqual(running.decisions[0]!.reason, "Order timed out")
    }))

  it.effect("asks the register first when the order may have been run before", () =>
    Effect.gen(function* () {
      const running = yield* world
      for (const [republished, redelivered] of [[0, true], [1, false]] as const) {
        running.statuses.push("completed")
        assert.strictEqual(
          yield* running.runToEnd({ ...fresh(), republished }, redelivered),
          "completed",
        )
      }
      assert.deepStrictEqual(running.decisions.map(({ decision }) => decision), ["ask", "ask"])
      assert.deepStrictEqual(running.calls, [])
    }))

  it.effect("tells of a compensation that is stuck: the register, the metric; until it gets through", () =>
    Effect.gen(function* () {
      const running = yield* world
      running.conduct["reserve slot"] = Effect.fail(new Rejected())
      running.conduct["cancel item"] = unavailable
      const two = yield* Effect.forEach(
        [fresh(), fresh()],
        (order) => Effect.forkChild(running.runToEnd(order, false)),
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* metric("sagas_stuck"))?.value, 2)
      const { stuck } = running.decisions.at(-1)!
      assert.deepInclude(stuck, { step: "item", cause: "items can not be reached" })
      assert.isAbove(stuck!.attempts, 3)
      running.conduct["cancel item"] = Effect.void
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(yield* Effect.forEach(two, Fiber.join), ["failed", "failed"])
      assert.strictEqual((yield* metric("sagas_stuck"))?.value, 0)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None")))

  it.effect("does not count a saga as stuck any more that was stopped, or met a defect", () =>
    Effect.gen(function* () {
      const running = yield* world
      running.conduct["reserve slot"] = Effect.fail(new Rejected())
      running.conduct["cancel item"] = unavailable
      const stopped = yield* Effect.forkChild(running.runToEnd(fresh(), false))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* metric("sagas_stuck"))?.value, 1)
      yield* Fiber.interrupt(stopped)
      assert.strictEqual((yield* metric("sagas_stuck"))?.value, 0)
      const defective = yield* Effect.forkChild(running.runToEnd(fresh(), false))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* metric("sagas_stuck"))?.value, 1)
      running.conduct["cancel item"] = Effect.die(new Error("a defect"))
      yield* TestClock.adjust("40 seconds")
      assert.isTrue(Exit.hasDies(yield* Fiber.await(defective)))
      assert.strictEqual((yield* metric("sagas_stuck"))?.value, 0)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None")))

  it.effect("counts the ends of sagas, and the time that orders took", () =>
    Effect.gen(function* () {
      const running = yield* world
      const completed = (yield* metric("sagas_ended_total", { end: "completed" }))?.count ?? 0
      const measured = (yield* metric("order_duration_seconds"))?.count ?? 0
      yield* TestClock.adjust("3 seconds")
      yield* running.runToEnd(fresh(), false)
      assert.strictEqual(
        (yield* metric("sagas_ended_total", { end: "completed" }))?.count,
        completed + 1,
      )
      assert.strictEqual((yield* metric("order_duration_seconds"))?.count, measured + 1)
    }))
})
