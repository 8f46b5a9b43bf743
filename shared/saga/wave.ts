/**
 * A wave: orders that were taken together and go through the steps together. Compensations are
 * finalizers on its scope. The scope is closed only to undo; an interruption or a defect leaves it
 * open.
 */
import { type Cause, Effect, Scope } from "effect"
import type { OrderRun } from "./order-run.ts"
import type { Sagas } from "./saga.ts"

export interface Wave {
  /** Where compensations are registered. */
  readonly scope: Scope.Closeable
  /** The orders that it still carries. */
  runs: ReadonlyArray<OrderRun>
  /** How many rows of the table, from the first on, have their compensation registered. */
  registered: number
  /**
   * Why a compensation was cut short. Those of earlier steps then wait for the next run, which
   * keeps the order of cancels.
   */
  cutShort: Cause.Cause<never> | undefined
  /** Makes room for the next wave, since this one waits or undoes. Idempotent. */
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
 * Lets go of the orders that have ended. The queue may be away when they are reported to it; this
 * holds up no other order.
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
 * Lets the orders that do not wait go on as a wave of their own, so that a service that is away
 * holds up only the orders that need it.
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
