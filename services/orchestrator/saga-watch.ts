/** The sagas as seen from outside: metrics, log lines and spans. */
import { Clock, Effect, Metric, References } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { PeerClocks } from "#shared/http/peer-clocks.ts"
import { orderIdOf, type OrderRun, sagaEnds } from "#shared/saga/order-run.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { CurrentOrderSpans } from "./order-spans.ts"
import { isNews, logEnd } from "./saga-log.ts"

const runningSagas = Metric.gauge("sagas_running", {
  description: "Sagas in flight",
  attributes: { unit: "{saga}" },
})
const stuckSagas = Metric.gauge("sagas_stuck", {
  description: "Sagas in flight whose compensation is stuck",
  attributes: { unit: "{saga}" },
})
// A metric for each end: giving the attribute at each use would build the metric's key every time.
const endedAs = new Map(sagaEnds.map((end) => [
  end,
  Metric.counter("sagas_ended_total", {
    description: "Sagas that ended, by how; the orders of buried sagas are dead letters",
    incremental: true,
    attributes: { end },
  }),
]))
const durations = Metric.histogram("order_duration_seconds", {
  description: "Time from an order's acceptance to its end",
  boundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
})
const waves = Metric.histogram("saga_wave_orders", {
  description: "Orders that begin in a wave together",
  boundaries: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000],
})

export type Watched = Effect.Success<typeof watchSagas>

/** Makes what the consumer reports its sagas to. Every metric exists from here on. */
export const watchSagas = Effect.gen(function* () {
  yield* fromTheStart([runningSagas, stuckSagas, durations, waves, ...endedAs.values()])
  const stuckIds = new Set<OrderId>()
  const spans = yield* CurrentOrderSpans

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
      if (runs.length > 0) yield* Metric.update(waves, runs.length)
      yield* spans.begun(runs)
    }),
    ended: Effect.fnUntraced(function* (runs: ReadonlyArray<OrderRun>) {
      yield* noMoreStuck(runs)
      for (const [end, counter] of endedAs) {
        yield* Metric.update(counter, runs.filter((run) => run.end === end).length)
      }
      const clock = yield* Clock.Clock
      const context = yield* Effect.context<never>()
      const least = yield* References.MinimumLogLevel
      const { nowMs } = (yield* PeerClocks).timeOf("orders", clock)
      for (const run of runs) {
        const { createdAtMs, orderId } = run.delivery.message
        durations.updateUnsafe(Math.max(0, nowMs - createdAtMs) / 1000, context)
        spans.end(orderId, { "saga.end": run.end, "order.reason": run.reason }, clock)
        if (isNews(run, least)) yield* logEnd(run, nowMs - createdAtMs)
      }
    }),
    /** Logs once for each order that it is stuck, and once that it no longer is. */
    stuck: Effect.fnUntraced(function* (runs: ReadonlyArray<OrderRun>, isStuck: boolean) {
      const news = runs.filter((run) => stuckIds.has(orderIdOf(run)) !== isStuck)
      if (!isStuck) yield* noMoreStuck(runs)
      for (const run of news) {
        if (isStuck) stuckIds.add(orderIdOf(run))
        yield* isStuck
          ? Effect.logWarning(`The compensation of ${run.stuck?.step} is stuck`).pipe(
            Effect.annotateLogs({ ...run.stuck }),
            ofOrder(run),
          )
          : Effect.logInfo("The compensation is no longer stuck").pipe(ofOrder(run))
      }
      yield* Metric.update(stuckSagas, stuckIds.size)
    }),
  }
})

const ofOrder = (run: OrderRun) => Effect.annotateLogs({ orderId: orderIdOf(run) })
