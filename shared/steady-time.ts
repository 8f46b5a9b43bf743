/**
 * Time that only goes forward: how long something takes, and when it is due again. The wall clock may be set, by a person or
 * by NTP: whoever waits by it then waits an hour too long, or not at all.
 */
import { Clock, Effect } from "effect"

/** Milliseconds since a moment that means nothing, and is another one in every process. */
export const steadyMsOf = (clock: Clock.Clock): number =>
  Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

export const steadyMs: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.succeed(steadyMsOf(clock))
)

/** The clock for libraries that measure by the wall clock what is no time of day. */
const withTime = (clock: Clock.Clock, nowMs: () => number): Clock.Clock => ({
  currentTimeMillisUnsafe: nowMs,
  currentTimeMillis: Effect.sync(nowMs),
  currentTimeNanosUnsafe: () => BigInt(Math.round(nowMs() * 1_000_000)),
  currentTimeNanos: Effect.sync(() => BigInt(Math.round(nowMs() * 1_000_000))),
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: (duration) => clock.sleep(duration),
})

/** Runs it by a clock that shows the time that `nowMs` gives, in milliseconds. */
export const byTime =
  (nowMs: (clock: Clock.Clock) => number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.clockWith((clock) =>
      Effect.provideService(effect, Clock.Clock, withTime(clock, () => nowMs(clock)))
    )

/** Runs by steady time what a library measures by the wall clock. */
export const bySteadyTime = byTime(steadyMsOf)
