/**
 * Limits the sign-ups that are tried, from one address and in all: each costs a hash and a
 * permanent row, and tells whether a name is taken. Half of an hour's limit may come at once, and
 * the other half as the hour passes.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import type { Bucket } from "./buckets.ts"
import { RateLimits } from "./rate-limit.ts"

export interface SignUpLimits {
  /** In any hour. */
  readonly perAddress: number
  /** In any hour, from all addresses. */
  readonly inAll: number
}

export class SignUpLimit extends Context.Service<SignUpLimit, {
  /**
   * Runs a sign-up, and counts it unless it fails through no fault of its own. Fails with a 429
   * Problem that says how long to wait.
   */
  readonly count: <A>(
    address: string,
    signUp: Effect.Effect<A, Problem | Transient>,
  ) => Effect.Effect<A, Problem | Transient>
}>()("unwind/auth/SignUpLimit") {}

export const signUpLimitLayer = (
  { perAddress, inAll }: SignUpLimits,
): Layer.Layer<SignUpLimit, never, RateLimits> =>
  Layer.effect(
    SignUpLimit,
    Effect.map(RateLimits, (limits) =>
      SignUpLimit.of({
        count: (address, signUp) => {
          const buckets = [
            { kind: "sign-ups", name: address, ...halves(perAddress) },
            { kind: "sign-ups-in-all", name: "all", ...halves(inAll) },
          ]
          return limits.take(buckets).pipe(
            Effect.mapError(({ waitMs }) => tooManySignUps(waitMs)),
            Effect.andThen(Effect.tapError(signUp, (error) =>
              error instanceof Problem && error.status < 500
                ? Effect.void
                : limits.putBack(buckets))),
          )
        },
      })),
  )

const halves = (anHour: number): Pick<Bucket, "limit" | "refillMs"> => ({
  limit: Math.ceil(anHour / 2),
  refillMs: Duration.toMillis(Duration.hours(1)) / Math.floor(anHour / 2),
})

const tooManySignUps = (waitMs: number) => {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new Problem({
    status: 429,
    code: "too_many_sign_ups",
    detail: `Too many sign-ups. Try again in ${seconds} seconds.`,
    headers: { "retry-after": String(seconds) },
  })
}
