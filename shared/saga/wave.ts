/**
 * A wave: orders that one take brought, which go through the steps together. Compensations are
 * finalizers on its scope, which is closed for what is to be undone, and never else: an
 * interruption or a defect leaves it open.
 */
import { type Cause, Effect, Scope } from "effect"
import type { OrderRun } from "./order-run.ts"
import type { Sagas } from "./saga.ts"

export interface Wave {
  /** Where compensations are registered. */
  readonly scope: Scope.Closeable
  /** Those that it still carries. */
  runs: ReadonlyArray<OrderRun>
  /** Of so many rows of the table, from the first on, the compensation is registered. */
  registered: number
  /**
   * Why a compensation was cut short: those of earlier steps must wait for the next run, or the
   * order would break.
   */
  cutShort: Cause.Cause<never> | undefined
  /** Makes room for the next wave: this one waits for others, or undoes. More than once is once. */
  readonly makeRoom: Effect.Effect<void>
}

export const waveOf = (runs: ReadonlyArray<OrderRun>, makeRoom: Effect.Effect<void>): Wave => ({
  scope: Scope.makeUnsafe(),
  runs,
  registered: 0,
  cutShort: undefined,
  makeRoom,
})

/**
 * Lets go of those that have ended. The queue that is told of it may be away: that holds up nobody
 * who goes on.
 */
export const letGo = (sagas: Sagas, wave: Wave): Effect.Effect<void> =>
  leaveBehind(
    sagas,
    wave,
    wave.runs.filter(({ end }) => end === undefined),
    (part) => {
      const { runs } = part
      part.runs = []
      return sagas.ended(runs)
    },
  )

/**
 * Those that do not wait go on as a wave of their own, so that whoever is away holds up only those
 * that need it.
 */
export const leaveBehind = (
  sagas: Sagas,
  wave: Wave,
  waiting: ReadonlyArray<OrderRun>,
  goOn: (part: Wave) => Effect.Effect<void>,
): Effect.Effect<void> => {
  if (waiting.length === wave.runs.length) return Effect.void
  const stay = new Set(waiting)
  const part = waveOf(wave.runs.filter((run) => !stay.has(run)), Effect.void)
  wave.runs = waiting
  return sagas.fork(part, goOn(part))
}
