/** How long requests take, counted by route and status. */
import { type Context, Metric } from "effect"

const durationsOf = (attributes: Record<"service" | "route" | "status", string>) =>
  Metric.histogram("http_request_duration_seconds", {
    description: "Time from a request's arrival to its answer",
    boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    attributes,
  })

/** Records how long a request took to be answered with a status. */
export type Count = (status: number, seconds: number) => void

export interface Counted {
  readonly service: string
  readonly route: string
  /** The statuses whose series exist from the start. */
  readonly statuses: ReadonlyArray<number>
}

/**
 * Makes the counter of a route. Cached per status: building a metric key costs more than recording
 * a value. A route is a name of our own, never what a client sent, so the number of series is
 * bounded.
 */
export const durationCounter = (
  context: Context.Context<never>,
  { service, route, statuses }: Counted,
): Count => {
  const made = new Map<number, ReturnType<typeof durationsOf>>()
  const of = (status: number) => {
    const durations = made.get(status) ?? durationsOf({ service, route, status: String(status) })
    made.set(status, durations)
    return durations
  }
  for (const status of statuses) of(status).valueUnsafe(context)
  return (status, seconds) => of(status).updateUnsafe(seconds, context)
}
