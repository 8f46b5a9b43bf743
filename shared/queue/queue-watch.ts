/**
 * Metrics of the order queue. Every service that uses the queue records them, not only the
 * orchestrator: a backlog must be visible while no orchestrator runs, too.
 */
import { Effect, Layer, Metric, Schedule } from "effect"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { QueueDesk } from "./queue-desk.ts"

const every = "5 seconds"

const gauge = (name: string, description: string, unit: string) =>
  Metric.gauge(name, { description, attributes: { unit } })

const reachable = gauge("order_queue_reachable", "1 while the order queue answers", "{queue}")
const sizes = {
  length: gauge("order_queue_length", "Entries of the order queue, taken or not", "{order}"),
  lag: gauge("order_queue_lag", "Entries of the order queue that nobody has taken yet", "{order}"),
  lagMs: gauge(
    "order_queue_oldest_seconds",
    "How long the oldest entry that nobody has taken yet waits",
    "seconds",
  ),
  deadLetters: gauge("order_queue_dead_letters", "Dead letters that are kept", "{order}"),
}

/** Records the metrics every five seconds until the scope closes. */
export const queueWatchLayer: Layer.Layer<never, never, QueueDesk> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { state } = yield* QueueDesk
    yield* fromTheStart([reachable, ...Object.values(sizes)])
    const look = Effect.gen(function* () {
      const { length, lag, lagMs, deadLetters } = yield* state
      yield* Metric.update(sizes.length, length)
      yield* Metric.update(sizes.lag, lag)
      yield* Metric.update(sizes.lagMs, lagMs / 1000)
      yield* Metric.update(sizes.deadLetters, deadLetters)
      yield* Metric.update(reachable, 1)
    })
    yield* look.pipe(
      // Publishers and consumers log that the queue is away.
      Effect.catch(() => Metric.update(reachable, 0)),
      Effect.catchDefect((defect) =>
        Effect.logError("Reading the queue's state met a defect", { defect })
      ),
      Effect.repeat(Schedule.spaced(every)),
      Effect.forkScoped,
    )
  }),
)
