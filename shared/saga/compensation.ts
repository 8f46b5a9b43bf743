/**
 * Compensations are finalizers on the saga's scope. They act only when the scope closes because the register said that
 * the saga is aborted; an interruption or a defect closes it without undoing anything. A finalizer that failed would turn
 * the saga's typed error into a defect, so a compensation keeps its failures to itself and tries again, for ever.
 */
import { Cause, DateTime, Duration, Effect, Exit, Schedule, Schema, Scope } from "effect"
import type { Transient } from "#shared/transient.ts"
import { forEver, retrying } from "./retry.ts"
import { type Run, track } from "./run.ts"
import type { Step, Stuck } from "./saga.ts"

/** The register says that the saga is to be undone: the one way to close its scope that lets compensations act. */
export class Aborted extends Schema.TaggedError<Aborted>()("Aborted", {}) {}
export const aborted = new Aborted()

/** From this attempt on a compensation is told of as stuck; earlier ones are hiccups. */
const stuckAfterAttempts = 3

/** Registers the step's compensation. */
export const arm = <Name extends string, Reason extends string>(
  run: Run<Name, Reason>,
  step: Step<Name, Reason>,
): Effect.Effect<void> =>
  Effect.suspend(() => {
    run.armed.add(step)
    return Scope.addFinalizerExit(run.scope, (exit) =>
      isAborted(exit) && run.armed.has(step) ? compensate(run, step) : Effect.void)
  })

const isAborted = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error instanceof Aborted)

const compensate = Effect.fnUntraced(
  function* <Name extends string, Reason extends string>(
    run: Run<Name, Reason>,
    step: Step<Name, Reason>,
  ) {
    // A cancel is sent only when all later steps are known to be cancelled: their order is what makes a `cancelled`
    // answer at one step prove that there is nothing left behind it.
    if (run.cutShort) return
    const { attempt, attempts, answered } = track(run, step, "cancel", step.cancel)
    const reporting = Schedule.tap(forEver, (next) => reportStuck(run, step, next, attempts()))
    yield* retrying(attempt, reporting).pipe(
      Effect.map(() => answered("cancelled")),
      Effect.catchCause((cause) => {
        run.cutShort = cause
        return Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logError(`The compensation of ${step.name} met a defect`, cause)
      }),
    )
  },
)

const reportStuck = <Name extends string, Reason extends string>(
  { saga }: Run<Name, Reason>,
  { name }: Step<Name, Reason>,
  next: Schedule.Metadata<Duration.Duration, Transient>,
  attempts: number,
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
