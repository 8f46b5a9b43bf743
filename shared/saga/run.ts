/** The state of one run of a saga, in memory only: what it has done so far, and what it still has to undo. */
import { type Cause, type Clock, Scope } from "effect"
import type { Entry, Saga, Step } from "./saga.ts"

export interface Run<Of, Name extends string, Reason extends string> {
  readonly saga: Saga<Of, Name, Reason>
  /** Where compensations are registered. */
  readonly scope: Scope.Closeable
  readonly clock: Clock.Clock
  /** What happened since the register was last told. */
  readonly timeline: Array<Entry<Name>>
  /** Of so many steps, from the first on, the compensation is registered. */
  armed: number
  /** The call that is being made: how often it was sent, and when first. */
  attempts: number
  startedAtMs: number
  /** Why a compensation was cut short: those of earlier steps must wait for the next run, or the order would break. */
  cutShort: Cause.Cause<never> | undefined
}

export const runOf = <Of, Name extends string, Reason extends string>(
  saga: Saga<Of, Name, Reason>,
  clock: Clock.Clock,
): Run<Of, Name, Reason> => ({
  saga,
  scope: Scope.makeUnsafe(),
  clock,
  timeline: [],
  armed: 0,
  attempts: 0,
  startedAtMs: 0,
  cutShort: undefined,
})

/** Sagas that share a batch get their answers in the same millisecond. */
let latest = { ms: 0, iso: "" }
const isoAt = (ms: number): string => {
  if (ms !== latest.ms) latest = { ms, iso: new Date(ms).toISOString() }
  return latest.iso
}

/** A call is about to be sent for the first time. */
export const begin = <Of, Name extends string, Reason extends string>(
  run: Run<Of, Name, Reason>,
): void => {
  run.attempts = 1
  run.startedAtMs = run.clock.currentTimeMillisUnsafe()
}

/** Writes what the call came to into the timeline. */
export const answered = <Of, Name extends string, Reason extends string>(
  run: Run<Of, Name, Reason>,
  { name: step }: Step<Of, Name, Reason>,
  action: Entry<Name>["action"],
  outcome: Entry<Name>["outcome"],
): void => {
  const { attempts, startedAtMs, clock } = run
  const now = clock.currentTimeMillisUnsafe()
  const durationMs = now - startedAtMs
  run.timeline.push({ step, action, outcome, attempts, at: isoAt(now), durationMs })
}
