/**
 * Slows down guessing. Failed log-ins are counted in buckets that refill steadily: an attempt takes
 * a token before anything is hashed, and a right password puts it back. When some are missing, each
 * attempt is held longer than the one before; when a bucket is empty, the answer is a wait of
 * minutes, never a lock.
 *
 * A guesser must not lock the owner out. An attempt that shows the token of a device on which the
 * user has logged in, or comes from an address with a live session of the user, has a bucket of its
 * own, which no stranger can empty, and takes none of the address's tokens. All other attempts are
 * those of strangers. They share the account's bucket, and one site alone cannot empty it.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { Problem } from "#shared/http/problem.ts"
import type { Bucket } from "./buckets.ts"
import { siteOf } from "#shared/http/client-address.ts"
import { RateLimits } from "./rate-limit.ts"

/**
 * How many failures a bucket allows: `limit` at once, and more as it refills. From `heldFrom`
 * failures on, attempts are held.
 */
interface Kind extends Pick<Bucket, "limit" | "refillMs"> {
  readonly heldFrom: number
}

const anHour = (times: number) => Duration.toMillis(Duration.hours(1)) / times

const kinds = {
  /** Strangers at an account: at most 20 failures in any hour. */
  account: { limit: 15, refillMs: anHour(5), heldFrom: 5 },
  /**
   * Strangers of one site at an account: a third of that at once, and less than half of the refill.
   */
  site: { limit: 5, refillMs: anHour(2), heldFrom: 3 },
  /** Strangers of an address at all accounts: at most 100 failures in any hour. */
  address: { limit: 50, refillMs: anHour(50), heldFrom: 40 },
  /** A device or a session, at the account of its user: at most 20 failures in any hour. */
  device: { limit: 10, refillMs: anHour(10), heldFrom: 5 },
  /**
   * An address with a live session of the user, at the user's account: at most 20 failures in any
   * hour.
   */
  home: { limit: 10, refillMs: anHour(10), heldFrom: 5 },
} as const satisfies Readonly<Record<string, Kind>>

const firstHoldMs = 250
const longestHoldMs = 16_000
/** The most attempts that are held at once; they use no thread, but memory and a connection. */
const heldAtMost = 1_000

export interface Attempt {
  readonly username: string
  readonly address: string
  /** The id of a device on which the user has logged in, or of a live session of the user. */
  readonly device: string | undefined
  readonly addressIsKnown: boolean
}

export interface Permit {
  /**
   * Waits as long as the attempt must be held; undefined when it may go on. Fails with a 429
   * Problem.
   */
  readonly hold: Effect.Effect<void, Problem> | undefined
  /** Puts the tokens back, for an attempt that was right or was not made. */
  readonly putBack: Effect.Effect<void>
}

export class LoginThrottle extends Context.Service<LoginThrottle, {
  /**
   * Counts an attempt as failed until its tokens are put back. Fails with a 429 Problem that says
   * how long to wait.
   */
  readonly permit: (attempt: Attempt) => Effect.Effect<Permit, Problem>
}>()("unwind/auth/LoginThrottle") {}

export const loginThrottleLayer: Layer.Layer<LoginThrottle, never, RateLimits> = Layer.effect(
  LoginThrottle,
  Effect.gen(function* () {
    const limits = yield* RateLimits
    let held = 0
    const hold = (ms: number) =>
      Effect.suspend(() => {
        if (held >= heldAtMost) return Effect.fail(tooManyAttempts(ms))
        held++
        return Effect.ensuring(Effect.sleep(ms), Effect.sync(() => held--))
      })
    return LoginThrottle.of({
      permit: Effect.fnUntraced(function* (attempt) {
        const named = bucketsOf(attempt)
        const buckets = named.map(([kind, name]) => ({ kind, name, ...kinds[kind] }))
        const missing = yield* limits.take(buckets).pipe(
          Effect.mapError(({ waitMs }) => tooManyAttempts(waitMs)),
        )
        const ms = Math.max(...missing.map((missing, n) => holdMs(missing - 1, buckets[n]!)))
        return { hold: ms > 0 ? hold(ms) : undefined, putBack: limits.putBack(buckets) }
      }),
    })
  }),
)

const bucketsOf = (
  { username, address, device, addressIsKnown }: Attempt,
): ReadonlyArray<readonly [keyof typeof kinds, string]> => {
  if (device !== undefined) return [["device", device]]
  // The name comes last, since it may contain anything.
  if (addressIsKnown) return [["home", `${address} ${username}`]]
  return [["account", username], ["site", `${siteOf(address)} ${username}`], ["address", address]]
}

/** How long an attempt is held after so many failures. */
const holdMs = (failures: number, { heldFrom }: Kind): number =>
  failures < heldFrom ? 0 : Math.min(longestHoldMs, firstHoldMs * 2 ** (failures - heldFrom))

const tooManyAttempts = (waitMs: number) => {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new Problem({
    status: 429,
    code: "too_many_attempts",
    detail: `Too many log-ins failed. Try again in ${seconds} seconds.`,
    headers: { "retry-after": String(seconds) },
  })
}
