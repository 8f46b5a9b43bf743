/**
 * When what failed is tried again. Waits grow from 50 ms, with jitter so that waves that failed
 * together do not come back together; what only a person can mend is tried slowly.
 */
import { Duration, Effect, Schedule } from "effect"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import { Misconfigured, OutcomeUnknown, type Transient, Unavailable } from "#shared/transient.ts"

const misconfiguredAgain = Duration.seconds(10)

const growingTo = (longest: Duration.Input) =>
  Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced(longest)]).pipe(
    Schedule.jittered,
    Schedule.setInputType<Transient>(),
    Schedule.modifyDelay(({ input, duration }) =>
      Effect.succeed(
        input instanceof Misconfigured ? Duration.max(duration, misconfiguredAgain) : duration,
      )
    ),
  )

/** On the way forward: at most 3 seconds apart, so that a short outage stays one. */
export const forward = growingTo("3 seconds")

/** Compensations and decisions: at most 30 seconds apart. */
export const forEver = growingTo("30 seconds")

/** Whether an entry of a request was not answered but failed. */
export const isFailure = <O>(answer: O | CallFailure): answer is CallFailure =>
  answer instanceof Unavailable || answer instanceof OutcomeUnknown ||
  answer instanceof Misconfigured ||
  answer instanceof Refused
