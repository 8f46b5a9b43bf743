/**
 * Compensations are finalizers on the saga's scope, which is closed when the register says that the saga is aborted, and
 * never else: an interruption or a defect leaves it open, and nothing is undone. The ones before a finalizer that failed
 * would run nevertheless, so a compensation keeps its failures to itself and tries again, for ever.
 */
import { Cause, DateTime, Duration, Effect, Exit, Schedule, Scope } from "effect"
import type { Transient } from "#shared/transient.ts"
import { forEver, retrying } from "./retry.ts"
import { answered, begin, type Run } from "./run.ts"
import type { Step, Stuck } from "./saga.ts"

/** From this attempt on a compensation is told of as stuck; earlier ones are hiccups. */
const stuckAfterAttempts = 3

/** Registers the compensation of the first step that has none yet; that step counts as armed from the call on. */
export const arm = <Of, Name extends string, Reason extends string>(
  run: Run<Of, Name, Reason>,
): Effect.Effect<void> => {
  const at = run.armed++
  return Scope.addFinalizerExit(
    run.scope,
    () => at < run.armed ? compensate(run, run.saga.steps[at]!) : Effect.void,
  )
}

/** Runs the compensations that are registered, the last step's first. Nothing interrupts a call of theirs. */
export const compensateAll = <Of, Name extends string, Reason extends string>(
  { scope }: Run<Of, Name, Reason>,
): Effect.Effect<void> => Scope.close(scope, Exit.void)

const compensate = Effect.fnUntraced(
  function* <Of, Name extends string, Reason extends string>(
    run: Run<Of, Name, Reason>,
    step: Step<Of, Name, Reason>,
  ) {
    // A cancel is sent only when all later steps are known to be cancelled: their order is what makes a `cancelled`
    // answer at one step prove that there is nothing left behind it.
    if (run.cutShort) return
    begin(run)
    const reporting = Schedule.tap(forEver, (next) => reportStuck(run, step, next))
    yield* retrying(step.cancel(run.saga.of), reporting, Effect.sync(() => run.attempts++)).pipe(
      Effect.map(() => answered(run, step, "cancel", "cancelled")),
      Effect.catchCause((cause) => {
        run.cutShort = cause
        return Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logError(`The compensation of ${step.name} met a defect`, cause)
      }),
    )
  },
)

const reportStuck = <Of, Name extends string, Reason extends string>(
  { saga, attempts }: Run<Of, Name, Reason>,
  { name }: Step<Of, Name, Reason>,
  next: Schedule.Metadata<Duration.Duration, Transient>,
) => {
  if (attempts < stuckAfterAttempts) return Effect.void
  const stuck: Stuck<Name> = {
    step: name,
    cause: next.input.message,
    attempts,
    nextAttemptAt: DateTime.formatIso(
      DateTime.makeUnsafe(next.now + Duration.toMillis(next.duration)),
    ),
  }
  return Effect.logWarning(`The compensation of ${name} does not get through`, stuck).pipe(
    // For people to see; when it can't be told either, the log has it.
    Effect.andThen(Effect.ignore(saga.decide({ decision: "abort", timeline: [], stuck }))),
  )
}
