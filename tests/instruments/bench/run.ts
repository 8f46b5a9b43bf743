/**
 * One counted run: the books are opened, the work is done under the meter, and the books are
 * checked.
 */
import { Effect, Schema, type Scope } from "effect"
import { type Costs, type Metered, startMeter } from "./meter/meter.ts"
import type { Recorder } from "./profile/recorder.ts"
import type { CpuProfile } from "./profile/self-times.ts"
import type { Subject } from "./subject.ts"
import { type Batches, batchSizes } from "./work/batches.ts"
import { faultsInBooks } from "./work/books.ts"
import { openBooks } from "./work/opening.ts"

export interface Run {
  readonly orders: number
  readonly seconds: number
  readonly ratePerSecond: number
  /** From request to answer, if orders came in by requests. */
  readonly latency: Latency | undefined
  /** The 99th percentile of the answers to /livez during the run, if it was called. */
  readonly livezP99Ms: number | undefined
  readonly costs: Costs
  readonly batches: Batches
  readonly profiles: ReadonlyMap<string, CpuProfile> | undefined
}

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Done {
  readonly latency?: Latency
  readonly livezP99Ms?: number
  /** The time for the orders, if the work did more than run them. */
  readonly seconds?: number
  /** The number of orders in that time. */
  readonly orders?: number
}

/** The work of a run, which is metered. */
export interface Work {
  readonly orders: number
  /** Processes beside those of the subject. */
  readonly processes: ReadonlyArray<Metered>
  /** Done when every order is decided. */
  readonly until: Effect.Effect<Done, { readonly message: string }>
}

export interface Plan {
  readonly prepare: Effect.Effect<Work, { readonly message: string }, Scope.Scope>
  /**
   * Without it, the books are opened anew. With it, existing records stay, and only orders from
   * this id on are checked.
   */
  readonly sinceId?: string
  readonly recorder?: Recorder | undefined
}

/** A run without a valid result; the message says why. */
export class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", {
  message: Schema.String,
}) {}

export const orFailed = <A>(work: () => Promise<A>): Effect.Effect<A, RunFailed> =>
  Effect.tryPromise({
    try: work,
    catch: (error) => new RunFailed({ message: (error as Error).message }),
  })

/** Runs the work once. Fails if it does not end, or ends with wrong books. */
export const measured = Effect.fnUntraced(function* (subject: Subject, plan: Plan) {
  const { databases, queue } = subject
  const sinceId = plan.sinceId ?? (yield* orFailed(() => openBooks(databases)))
  const run = yield* subject.alone(underMeter(subject, plan))
  if (queue) yield* orFailed(queue.untilEmpty)
  const faults = yield* orFailed(() => faultsInBooks(databases, run.orders, sinceId))
  const dead = queue ? yield* orFailed(queue.deadLetters) : 0
  const wrong = [...faults, ...(dead > 0 ? [`there are ${dead} dead letters`] : [])]
  if (wrong.length > 0) {
    return yield* new RunFailed({ message: `The books are wrong: ${wrong.join("; ")}` })
  }
  const batches = yield* orFailed(() => batchSizes(databases, sinceId))
  return { ...run, batches } satisfies Run as Run
})

const underMeter = Effect.fnUntraced(function* (subject: Subject, { prepare, recorder }: Plan) {
  const { orders, processes, until } = yield* prepare
  const services = subject.processes().filter(({ name }) => recorder?.isOf(name))
  if (recorder) yield* orFailed(() => recorder.start(services))
  const meter = yield* orFailed(() =>
    startMeter({ ...subject, processes: () => [...subject.processes(), ...processes] })
  )
  const startedAtMs = performance.now()
  const done = yield* until
  const seconds = done.seconds ?? (performance.now() - startedAtMs) / 1000
  const costs = yield* orFailed(meter.stop)
  const profiles = recorder && (yield* orFailed(() => recorder.stop(services)))
  const ratePerSecond = (done.orders ?? orders) / seconds
  const { latency, livezP99Ms } = done
  return { orders, seconds, ratePerSecond, latency, livezP99Ms, costs, profiles }
})
