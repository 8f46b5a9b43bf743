/**
 * When failed requests are retried: exponential backoff from 50 ms, with jitter so that waves that
 * failed together do not retry together. What only a person can fix is retried slowly.
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

/** Going forward: at most 3 seconds apart, so that orders resume soon after a short outage. */
export const forward = growingTo("3 seconds")

/** Compensations and decisions: at most 30 seconds apart. */
export const forEver = growingTo("30 seconds")

/** Whether an entry of a request failed instead of being answered. */
export const isFailure = <O>(answer: O | CallFailure): answer is CallFailure =>
  answer instanceof Unavailable || answer instanceof OutcomeUnknown ||
  answer instanceof Misconfigured ||
  answer instanceof Refused
