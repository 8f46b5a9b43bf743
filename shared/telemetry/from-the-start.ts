/** A metric that is made by its first event is missing until then, and what changes from nothing is no change to a query. */
import { Effect, Metric } from "effect"

/** Has the metrics exist from here on, each with 0. */
export const fromTheStart = (
  metrics: Iterable<Metric.Metric<never, unknown>>,
): Effect.Effect<void> =>
  Effect.map(Effect.context<never>(), (context) => {
    for (const metric of metrics) metric.valueUnsafe(context)
  })
