/**
 * How waves begin, and how orders leave them: those that have ended, and those that need not wait.
 */
import { Effect, Scope } from "effect"
import type { OrderRun } from "./order-run.ts"
import type { Sagas, Wave } from "./saga.ts"

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
