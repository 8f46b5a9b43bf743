/**
 * Slows down guessing. Failed log-ins are counted per account and per address, in buckets that refill steadily: an
 * attempt takes one from each before anything is hashed, and a right password puts them back. An empty bucket means a wait
 * of minutes, never a lock.
 *
 * An attacker who keeps an account's bucket empty must not lock its owner out: addresses from which the user has logged
 * in, in a session still alive, have a bucket of their own.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { type Consume, makeConsume } from "./rate-limit.ts"

/**
 * Half of an hour's failures at once, and the other half as the hour passes: in no hour more than 20 on an account and
 * 100 from an address.
 */
const perAccount = { limit: 10, window: Duration.hours(1) }
const perAddress = { limit: 50, window: Duration.hours(1) }

export interface Attempt {
  readonly username: string
  readonly address: string
  readonly addressIsKnown: boolean
}

export class LoginThrottle extends Context.Service<LoginThrottle, {
  /** Runs the check of a password unless too many failed lately. Fails with a 429 Problem that says how long to wait. */
  readonly attempt: <E>(
    attempt: Attempt,
    check: Effect.Effect<boolean, E>,
  ) => Effect.Effect<boolean, E | Problem>
}>()("unwind/auth/LoginThrottle") {}

/** Counts at a redis: or rediss: URL, or in this process with memory:. */
export const loginThrottleLayer = (url: URL): Layer.Layer<LoginThrottle> =>
  Layer.effect(LoginThrottle, Effect.map(makeConsume(url), make))

const make = (consume: Consume) => {
  const take = (bucket: Bucket, tokens: 1 | -1) =>
    consume({ ...bucket, tokens, algorithm: "token-bucket" }).pipe(
      Effect.catchTag("RateLimiterError", ({ reason }) =>
        // Whatever else fails has failed within this process, which has nothing that can.
        reason._tag === "RateLimitExceeded"
          ? Effect.fail(tooManyAttempts(reason.retryAfter))
          : Effect.die(reason)),
    )
  return LoginThrottle.of({
    attempt: Effect.fnUntraced(function* (attempt, check) {
      const [account, address] = bucketsOf(attempt)
      yield* take(address, 1)
      yield* Effect.tapError(take(account, 1), () => take(address, -1))
      const right = yield* check
      if (right) yield* Effect.andThen(take(account, -1), take(address, -1))
      return right
    }),
  })
}

interface Bucket {
  readonly key: string
  readonly limit: number
  readonly window: Duration.Duration
}

const bucketsOf = ({ username, address, addressIsKnown }: Attempt): readonly [Bucket, Bucket] => {
  // The name comes last, since anything can be typed for one.
  const account = addressIsKnown ? `known ${address} ${username}` : `stranger ${username}`
  return [{ ...perAccount, key: account }, { ...perAddress, key: `address ${address}` }]
}

const tooManyAttempts = (wait: Duration.Duration) => {
  const seconds = Math.max(1, Math.ceil(Duration.toSeconds(wait)))
  return new Problem({
    status: 429,
    code: "too_many_attempts",
    detail: `Too many log-ins failed. Try again in ${seconds} seconds.`,
    headers: { "retry-after": String(seconds) },
  })
}
