/** The state of one run of a saga, in memory only: what it has done so far, and what it still has to undo. */
import { type Cause, type Clock, Effect, Scope } from "effect"
import type { Entry, Saga, Step } from "./saga.ts"

export interface Run<Name extends string, Reason extends string> {
  readonly saga: Saga<Name, Reason>
  /** Where compensations are registered. */
  readonly scope: Scope.Closeable
  readonly nowMs: () => number
  /** What happened since the register was last told. */
  readonly timeline: Array<Entry<Name>>
  /** The steps whose compensation is registered. */
  readonly armed: Set<Step<Name, Reason>>
  /** Why a compensation was cut short: those of earlier steps must wait for the next run, or the order would break. */
  cutShort: Cause.Cause<never> | undefined
}

export const runOf = <Name extends string, Reason extends string>(
  saga: Saga<Name, Reason>,
  clock: Clock.Clock,
): Run<Name, Reason> => ({
  saga,
  scope: Scope.makeUnsafe(),
  nowMs: () => clock.currentTimeMillisUnsafe(),
  timeline: [],
  armed: new Set(),
  cutShort: undefined,
})

/** Sagas that share a batch get their answers in the same millisecond. */
let latest = { ms: 0, iso: "" }
const isoAt = (ms: number): string => {
  if (ms !== latest.ms) latest = { ms, iso: new Date(ms).toISOString() }
  return latest.iso
}

/** Counts the attempts of a step's call, and writes the answer it came to into the timeline. */
export const track = <Name extends string, Reason extends string, A, E>(
  run: Run<Name, Reason>,
  { name }: Step<Name, Reason>,
  action: "reserve" | "cancel",
  call: Effect.Effect<A, E>,
) => {
  const startedAtMs = run.nowMs()
  let attempts = 0
  return {
    attempt: Effect.suspend(() => {
      attempts++
      return call
    }),
    attempts: () => attempts,
    answered: (outcome: Entry<Name>["outcome"]) => {
      const now = run.nowMs()
      const at = isoAt(now)
      run.timeline.push({
        step: name,
        action,
        outcome,
        attempts,
        at,
        durationMs: now - startedAtMs,
      })
    },
  }
}
