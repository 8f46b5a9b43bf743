/** What can be seen of the sagas from outside: metrics, the log lines of orders that are stuck, and spans. */
import { Clock, Effect, Exit, Metric, type Tracer } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { PeerClocks } from "#shared/http/peer-clocks.ts"
import { orderIdOf, type OrderRun } from "#shared/saga/order-run.ts"
import { sagaEnds } from "#shared/saga/saga.ts"
import { messageSpan, TracingEnabled } from "#shared/telemetry/trace.ts"

const runningSagas = Metric.gauge("sagas_running", { description: "Sagas in flight" })
const stuckSagas = Metric.gauge("sagas_stuck", {
  description: "Sagas in flight whose compensation does not get through",
})
// A metric for each end, not one that is given its attribute at each use: that would make its key anew every time.
const endedAs = new Map(sagaEnds.map((end) => [
  end,
  Metric.counter("sagas_ended_total", {
    description: "Sagas that ended, by how; of those that are buried, orders are dead letters",
    incremental: true,
    attributes: { end },
  }),
]))
const durations = Metric.histogram("order_duration_seconds", {
  description: "Time from an order's acceptance to its end",
  boundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
})

export type Watched = Effect.Success<typeof watchSagas>

/** Makes what the consumer tells of its sagas. Every metric exists from here on. */
export const watchSagas = Effect.gen(function* () {
  yield* Metric.update(runningSagas, 0)
  yield* Metric.update(stuckSagas, 0)
  for (const counter of endedAs.values()) yield* Metric.update(counter, 0)
  const stuckIds = new Set<OrderId>()
  const spans = new Map<OrderId, Tracer.Span>()

  const noMoreStuck = (runs: ReadonlyArray<OrderRun>) =>
    Effect.suspend(() => {
      const before = stuckIds.size
      for (const run of runs) stuckIds.delete(orderIdOf(run))
      return stuckIds.size === before ? Effect.void : Metric.update(stuckSagas, stuckIds.size)
    })

  return {
    running: (count: number) => Metric.update(runningSagas, count),
    begun: Effect.fnUntraced(function* (runs: ReadonlyArray<OrderRun>, count: number) {
      yield* Metric.update(runningSagas, count)
      if (!(yield* TracingEnabled)) return
      for (const run of runs) {
        const span = yield* messageSpan(run.delivery.message.traceparent, "order saga")
        if (span !== undefined) spans.set(orderIdOf(run), span)
      }
    }),
    ended: Effect.fnUntraced(function* (runs: ReadonlyArray<OrderRun>) {
      yield* noMoreStuck(runs)
      for (const [end, counter] of endedAs) {
        yield* Metric.update(counter, runs.filter((run) => run.end === end).length)
      }
      const clock = yield* Clock.Clock
      const context = yield* Effect.context<never>()
      const { nowMs } = (yield* PeerClocks).timeOf("orders", clock)
      for (const run of runs) {
        const { createdAtMs, orderId } = run.delivery.message
        durations.updateUnsafe(Math.max(0, nowMs - createdAtMs) / 1000, context)
        spans.get(orderId)?.end(clock.currentTimeNanosUnsafe(), Exit.succeed(run.end))
        spans.delete(orderId)
        if (run.end === "buried") {
          yield* Effect.logError(`An order cannot go on: ${run.cause}`).pipe(ofOrder(run))
        }
      }
    }),
    /** Says once of each order that it is stuck, and once that it is not any more. */
    stuck: Effect.fnUntraced(function* (runs: ReadonlyArray<OrderRun>, isStuck: boolean) {
      const news = runs.filter((run) => stuckIds.has(orderIdOf(run)) !== isStuck)
      if (!isStuck) yield* noMoreStuck(runs)
      for (const run of news) {
        if (isStuck) stuckIds.add(orderIdOf(run))
        yield* isStuck
          ? Effect.logWarning(`The compensation of ${run.stuck?.step} does not get through`).pipe(
            Effect.annotateLogs({ ...run.stuck }),
            ofOrder(run),
          )
          : Effect.logInfo("The compensation got through").pipe(ofOrder(run))
      }
      yield* Metric.update(stuckSagas, stuckIds.size)
    }),
  }
})

const ofOrder = (run: OrderRun) => Effect.annotateLogs({ orderId: orderIdOf(run) })
