/**
 * A metric that is created by its first event is missing before it, and a query does not count that
 * event as an increase.
 */
import { Effect, Metric } from "effect"

/** Creates the metrics, each with 0. */
export const fromTheStart = (
  metrics: Iterable<Metric.Metric<never, unknown>>,
): Effect.Effect<void> =>
  Effect.map(Effect.context<never>(), (context) => {
    for (const metric of metrics) metric.valueUnsafe(context)
  })
