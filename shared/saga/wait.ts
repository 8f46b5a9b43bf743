/**
 * The wait of orders before the next attempt of their request. It ends for all of them when its
 * time is up, and earlier for the orders that an operator has retried.
 */
import { Clock, Duration, Effect, Latch } from "effect"
import { steadyMsOf } from "#shared/steady-time.ts"
import type { OrderRun, Wait } from "./order-run.ts"

/**
 * Ends the wait of these orders; returns how many of them waited. A repeated call before they go on
 * counts none.
 */
export const wake = (runs: Iterable<OrderRun>): number => {
  const waits = new Set<Wait>()
  let count = 0
  for (const run of runs) {
    const { wait } = run
    if (wait === undefined || wait.woken.has(run)) continue
    wait.woken.add(run)
    waits.add(wait)
    count++
  }
  // A waiting fiber may resume at once and reads `woken`, so all orders are added first.
  for (const { wake } of waits) wake.openUnsafe()
  return count
}

/**
 * Makes these orders wait. `goOn` gets the orders that were woken while others wait on. The result
 * has the orders that waited to the end, or that were all woken together, perhaps none; `isOver`
 * tells which.
 */
export const waitFor = Effect.fnUntraced(function* (
  runs: ReadonlyArray<OrderRun>,
  wait: Duration.Duration,
  told: (overAtMs: number) => Effect.Effect<void>,
  goOn: (woken: ReadonlyArray<OrderRun>, rest: ReadonlyArray<OrderRun>) => Effect.Effect<void>,
) {
  const clock = yield* Clock.Clock
  const overAtMs = clock.currentTimeMillisUnsafe() + Duration.toMillis(wait)
  const held: Wait = { overAtMs, woken: new Set(), wake: Latch.makeUnsafe(false) }
  for (const run of runs) run.wait = held
  yield* told(overAtMs)
  const overAtSteadyMs = steadyMsOf(clock) + Duration.toMillis(wait)
  let waiting = runs
  while (true) {
    const leftMs = overAtSteadyMs - steadyMsOf(clock)
    const isOver = leftMs <= 0 || (yield* endOrWake(leftMs, held.wake))
    if (isOver || held.woken.size === waiting.length) {
      for (const run of waiting) run.wait = undefined
      return { waiting, isOver }
    }
    const { woken } = held
    const now = waiting.filter((run) => woken.has(run))
    waiting = waiting.filter((run) => !woken.has(run))
    woken.clear()
    held.wake.closeUnsafe()
    for (const run of now) run.wait = undefined
    yield* goOn(now, waiting)
  }
})

/** Whether the end came first. */
const endOrWake = (leftMs: number, wake: Latch.Latch): Effect.Effect<boolean> =>
  Effect.raceFirst(Effect.as(Effect.sleep(leftMs), true), Effect.as(wake.await, false))
