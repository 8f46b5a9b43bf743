/**
 * Retries of what may be retried. A call that works costs nothing here: the schedule is entered only by a failure. Waits
 * grow from 50 ms, with jitter so that sagas that failed together do not come back together.
 */
import { type Duration, Effect, Schedule } from "effect"
import { type Transient, Unavailable, Unknown } from "#shared/transient.ts"

const growingTo = (longest: Duration.Input) =>
  Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced(longest)]).pipe(
    Schedule.jittered,
    Schedule.setInputType<Transient>(),
  )

/** On the way forward: at most 3 seconds apart, so that a short outage stays one. */
export const forward = growingTo("3 seconds")

/** Compensations and decisions: at most 30 seconds apart. */
export const forEver = growingTo("30 seconds")

const isTransient = <E>(error: E): error is E & Transient =>
  error instanceof Unavailable || error instanceof Unknown

/**
 * Repeats the call for ever while it fails with a Transient error, after `proceed` each time. What comes out is the
 * call's own refusal or that of `proceed`, never a Transient error.
 */
export const retrying = <A, E, X, Stop = never>(
  call: Effect.Effect<A, E>,
  schedule: Schedule.Schedule<X, Transient>,
  proceed: Effect.Effect<void, Stop> = Effect.void,
): Effect.Effect<A, Exclude<E, Transient> | Stop> => {
  const again = (failure: Transient) =>
    Effect.flatMap(Schedule.toStepWithSleep(schedule), (wait) => {
      const after = (error: Transient): Effect.Effect<A, Exclude<E, Transient> | Stop> =>
        // A shutdown may cut a wait short in a finalizer too, where a call runs to its end. The schedules never end.
        Effect.interruptible(Effect.orDie(wait(error))).pipe(
          Effect.andThen(proceed),
          Effect.andThen(whenTransient(call, after)),
        )
      return after(failure)
    })
  return whenTransient(call, again)
}

const whenTransient = <A, E, B, E2>(
  call: Effect.Effect<A, E>,
  then: (error: Transient) => Effect.Effect<B, E2>,
) => Effect.catchIf(call, isTransient<E>, then) as Effect.Effect<A | B, Exclude<E, Transient> | E2>
