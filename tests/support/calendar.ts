/** A clock that a test sets days ahead: waits take as long as ever, but the date is later. */
import { Clock, Duration, Effect } from "effect"

export interface Calendar {
  readonly clock: Clock.Clock
  readonly nowMs: () => number
  readonly pass: (time: Duration.Input) => void
}

/** It starts at the current time. */
export const makeCalendar: Effect.Effect<Calendar> = Effect.map(Clock.Clock, (real) => {
  let passedMs = 0
  const nowMs = () => real.currentTimeMillisUnsafe() + passedMs
  const nanos = () => real.currentTimeNanosUnsafe() + BigInt(passedMs) * 1_000_000n
  return {
    nowMs,
    pass: (time) => passedMs += Duration.toMillis(time),
    clock: {
      currentTimeMillisUnsafe: nowMs,
      currentTimeMillis: Effect.sync(nowMs),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: real.monotonicTimeNanos,
      sleep: (duration) => real.sleep(duration),
    },
  }
})
