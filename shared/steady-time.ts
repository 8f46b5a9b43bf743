/**
 * Monotonic time, for durations and for what is due later. The wall clock may be set, by a person
 * or by NTP: a wait by it may then take an hour too long, or no time at all.
 */
import { Clock, Effect } from "effect"

/** Milliseconds since an arbitrary instant, which differs between processes. */
export const steadyMsOf = (clock: Clock.Clock): number =>
  Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

export const steadyMs: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.succeed(steadyMsOf(clock))
)

/** A clock for libraries that use the wall clock where they need no time of day. */
const withTime = (clock: Clock.Clock, nowMs: () => number): Clock.Clock => ({
  currentTimeMillisUnsafe: nowMs,
  currentTimeMillis: Effect.sync(nowMs),
  currentTimeNanosUnsafe: () => BigInt(Math.round(nowMs() * 1_000_000)),
  currentTimeNanos: Effect.sync(() => BigInt(Math.round(nowMs() * 1_000_000))),
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: (duration) => clock.sleep(duration),
})

/** Runs an effect with a clock that shows the time that `nowMs` returns, in milliseconds. */
export const byTime =
  (nowMs: (clock: Clock.Clock) => number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.clockWith((clock) =>
      Effect.provideService(effect, Clock.Clock, withTime(clock, () => nowMs(clock)))
    )

/** Runs an effect with steady time in place of the wall clock. */
export const bySteadyTime = byTime(steadyMsOf)
