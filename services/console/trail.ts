/**
 * What operators do is kept in auth's audit trail: that it begins before anything is asked for, so that nothing is done of which
 * nobody would know who wanted it, and how it ended. An end that cannot be written is tried again, and is in the log meanwhile.
 */
import { Cause, Context, Effect, Exit, Layer, Option, Schedule } from "effect"
import type { ActionOutcome, TrailAction } from "#shared/contracts/trail.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import { Peers } from "./peers.ts"

/** An action, as it is known before it is done. */
export type About = Pick<TrailAction, "username" | "action" | "target" | "reason" | "address">

export class Trail extends Context.Service<Trail, {
  /**
   * Does it, and keeps who wanted it, why, and how it ended. Fails as `doing` does, or with a 503 Problem (`trail_unavailable`)
   * when it cannot be kept; then nothing is done.
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
            // It may be kept all the same: then how it ended is, too.
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
  detail:
    "Nothing was done: auth could not keep who wanted it, and why. Try again when it is there.",
  headers: { "retry-after": "1" },
})

/** How it ended. */
const endOf = (
  exit: Exit.Exit<unknown, Problem>,
): { readonly outcome: ActionOutcome; readonly code?: string } => {
  if (Exit.isSuccess(exit)) return { outcome: "done" }
  const problem = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (problem === undefined) return { outcome: "failed", code: "internal_error" }
  return { outcome: problem.status < 500 ? "refused" : "failed", code: problem.code }
}

/** The most ends that wait to be written: each is of an action whose beginning auth has kept, or may have. */
const mostWaiting = 1_000

type Write = (entry: TrailAction) => Effect.Effect<void, Problem | Transient>

/** Makes the function that writes an entry sooner or later, and until then has it in the log. */
const writingLater = Effect.fnUntraced(function* (write: Write) {
  const scope = yield* Effect.scope
  let waiting = 0
  const lost = (entry: TrailAction, why: string) =>
    Effect.logError("The audit trail does not get how an action ended", { ...entry, why })
  return Effect.fnUntraced(function* (entry: TrailAction, why: string) {
    if (waiting >= mostWaiting) return yield* lost(entry, `${why}; too many others wait`)
    waiting++
    yield* Effect.logWarning("The audit trail does not have yet how an action ended", {
      ...entry,
      why,
    })
    yield* write(entry).pipe(
      Effect.retry({ schedule: tries, while: isPassing }),
      Effect.andThen(Effect.logInfo("The audit trail has how an action ended", entry)),
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
