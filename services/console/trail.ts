/**
 * Records the actions of operators in auth's audit trail. The beginning is recorded before the
 * action is performed, so that every action has an entry; then the outcome. An outcome that cannot
 * be written is logged, and retried.
 */
import { Cause, Context, Effect, Exit, Layer, Option, Schedule } from "effect"
import type { ActionOutcome, TrailAction } from "#shared/contracts/trail.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import { Peers } from "./peers.ts"

/** An action before it is performed. */
export type About = Pick<TrailAction, "username" | "action" | "target" | "reason" | "address">

export class Trail extends Context.Service<Trail, {
  /**
   * Performs an action, and records who did it, why, and the outcome. Fails as `doing` does, or
   * with a 503 Problem (`trail_unavailable`) when the beginning cannot be recorded; then nothing is
   * done.
   */
  readonly kept: <A>(about: About, doing: Effect.Effect<A, Problem>) => Effect.Effect<A, Problem>
}>()("unwind/console/Trail") {
  static readonly layer: Layer.Layer<Trail, never, Peers> = Layer.effect(
    Trail,
    Effect.gen(function* () {
      const { tell } = yield* Peers
      const write = (entry: TrailAction) => tell("/internal/trail", entry)
      const writeLater = yield* writingLater(write)
      const end = (entry: TrailAction) =>
        Effect.catch(write(entry), ({ message }) => writeLater(entry, message))
      return Trail.of({
        kept: Effect.fnUntraced(function* (about, doing) {
          const entry = { id: crypto.randomUUID(), ...about }
          yield* Effect.catch(
            write({ ...entry, outcome: "begun" }),
            // The beginning may have been recorded all the same, so the outcome is recorded, too.
            ({ message }) =>
              Effect.andThen(
                writeLater({ ...entry, outcome: "failed", code: notKept.code }, message),
                Effect.fail(notKept),
              ),
          )
          const exit = yield* Effect.exit(doing)
          yield* end({ ...entry, ...endOf(exit) })
          return yield* exit
        }),
      })
    }),
  )
}

const notKept = new Problem({
  status: 503,
  code: "trail_unavailable",
  detail: "Nothing was done, because auth cannot record the action in the audit trail. Try again " +
    "when auth is back.",
  headers: { "retry-after": "1" },
})

/** The outcome as the trail records it. */
const endOf = (
  exit: Exit.Exit<unknown, Problem>,
): { readonly outcome: ActionOutcome; readonly code?: string } => {
  if (Exit.isSuccess(exit)) return { outcome: "done" }
  const problem = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (problem === undefined) return { outcome: "failed", code: "internal_error" }
  return { outcome: problem.status < 500 ? "refused" : "failed", code: problem.code }
}

/** The most outcomes that wait to be written. */
const mostWaiting = 1_000

type Write = (entry: TrailAction) => Effect.Effect<void, Problem | Transient>

/** Makes the function that logs an entry, and retries writing it until it succeeds. */
const writingLater = Effect.fnUntraced(function* (write: Write) {
  const scope = yield* Effect.scope
  let waiting = 0
  const lost = (entry: TrailAction, why: string) =>
    Effect.logError("The outcome of an action is missing in the audit trail", { ...entry, why })
  return Effect.fnUntraced(function* (entry: TrailAction, why: string) {
    if (waiting >= mostWaiting) return yield* lost(entry, `${why}; too many others are waiting`)
    waiting++
    yield* Effect.logWarning("The outcome of an action is not yet in the audit trail", {
      ...entry,
      why,
    })
    yield* write(entry).pipe(
      Effect.retry({ schedule: tries, while: isPassing }),
      Effect.andThen(Effect.logInfo("The outcome of an action is now in the audit trail", entry)),
      Effect.catch(({ message }) => lost(entry, message)),
      Effect.onInterrupt(() => lost(entry, `${why}; the console stopped`)),
      Effect.ensuring(Effect.sync(() => waiting--)),
      Effect.forkIn(scope),
    )
  })
})

const tries = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("30 seconds")])

const isPassing = (error: Problem | Transient): boolean =>
  !(error instanceof Problem) || error.status >= 500 || error.status === 429
