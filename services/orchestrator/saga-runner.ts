/** Runs the saga of one order to its end: the order's message, made into a saga over the participants and the register. */
import { Context, Effect, Layer, Metric } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { runSaga, type SagaEnd } from "#shared/saga/run-saga.ts"
import { withMessageSpan } from "#shared/telemetry/trace.ts"
import { orderSaga } from "./order-saga.ts"
import { Participants } from "./participants.ts"
import { Register } from "./register.ts"

// A metric for each end, not one that is given its attribute at each use: that would make its key anew every time.
const ended = (end: SagaEnd) =>
  Metric.counter("sagas_ended_total", {
    description: "Sagas that ended, by how",
    incremental: true,
    attributes: { end },
  })
const countOf = {
  completed: Metric.update(ended("completed"), 1),
  failed: Metric.update(ended("failed"), 1),
  unknown: Metric.update(ended("unknown"), 1),
}
const stuckSagas = Metric.gauge("sagas_stuck", {
  description: "Sagas in flight whose compensation does not get through",
})
const durations = Metric.histogram("order_duration_seconds", {
  description: "Time from an order's acceptance to its end",
  boundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
})

const countEnd = (end: SagaEnd, createdAtMs: number) =>
  Effect.clockWith((clock) => {
    const seconds = (clock.currentTimeMillisUnsafe() - createdAtMs) / 1000
    return Effect.andThen(countOf[end], Metric.update(durations, seconds))
  })

export class SagaRunner extends Context.Service<SagaRunner, {
  /** Never fails; an interruption or a defect leaves the order to be run again. */
  readonly runToEnd: (message: OrderMessage, redelivered: boolean) => Effect.Effect<SagaEnd>
}>()("unwind/orchestrator/SagaRunner") {}

/** An order that is not decided `deadlineMs` after it was created is aborted. */
export const sagaRunnerLayer = ({ deadlineMs }: { readonly deadlineMs: number }) =>
  Layer.effect(
    SagaRunner,
    Effect.gen(function* () {
      const steps = orderSaga(yield* Participants)
      const register = yield* Register
      const stuck = new Set<OrderId>()
      const countStuck = Effect.suspend(() => Metric.update(stuckSagas, stuck.size))
      return SagaRunner.of({
        runToEnd: (message, redelivered) => {
          const { orderId, createdAtMs, republished, traceparent } = message
          const saga = runSaga({
            steps,
            of: message,
            deadlineMs: createdAtMs + deadlineMs,
            timedOut: "Order timed out",
            redelivered: redelivered || republished > 0,
            decide: (decision) => {
              const told = register.decide({ orderId, ...decision })
              if (decision.stuck === undefined) return told
              stuck.add(orderId)
              return Effect.andThen(countStuck, told)
            },
          })
          const running = Effect.ensuring(
            withMessageSpan(saga, traceparent, "order saga"),
            Effect.suspend(() => stuck.delete(orderId) ? countStuck : Effect.void),
          )
          return Effect.tap(running, (end) => countEnd(end, createdAtMs))
        },
      })
    }),
  )
