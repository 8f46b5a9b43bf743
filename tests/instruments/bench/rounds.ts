/**
 * The runs of a scenario: each part warms up, then the parts take turns, so that compared figures
 * are from the same minutes. A run that other programs disturbed is repeated, not averaged in.
 */
import { Effect, type Scope } from "effect"
import type { Hall, Message } from "./hall.ts"
import type { Counted } from "./row.ts"
import type { Run } from "./run.ts"

/** A run is disturbed if other programs use this many processors. */
const disturbedFromCores = 0.25
const triesAtMost = 4
/** Enough orders for the compilers of Node and Deno to have compiled all that matters. */
const warmUpOrders = 60_000
/** Runs of fewer orders only try the bench, so they need no warm-up. */
const worthWarming = 1_000

export type RunEffect = Effect.Effect<Run, Message, Scope.Scope>

export interface Part {
  readonly name: string
  readonly orders: number
  readonly run: (orders: number) => RunEffect
  /** Runs before each run and before the warm-up: it starts other services, for example. */
  readonly before?: Effect.Effect<unknown, Message>
  /** Whether it needs a warm-up; true by default. */
  readonly warm?: boolean
  /**
   * The number of processes that share the orders, by which the warm-up is longer; 1 by default.
   */
  readonly replicas?: number
}

export interface Measured {
  readonly name: string
  readonly runs: ReadonlyArray<Counted>
}

const counted = (run: Run): Counted => ({
  ...run,
  disturbed: run.costs.othersCores >= disturbedFromCores,
})

/**
 * Repeats a run until it is not disturbed. After the last attempt, returns the least disturbed run.
 */
const undisturbed = Effect.fnUntraced(function* (
  run: Effect.Effect<Run, Message>,
  allowDisturbed: boolean,
) {
  let best = counted(yield* run)
  for (let n = 1; n < triesAtMost && best.disturbed && !allowDisturbed; n++) {
    const next = counted(yield* run)
    if (next.costs.othersCores < best.costs.othersCores) best = next
  }
  return best
})

const warmUp = ({ orders, replicas = 1, run }: Part): Effect.Effect<unknown, Message> =>
  Effect.scoped(run(Math.min(2 * orders, warmUpOrders) * replicas))

/** Runs the parts in turn, as often as requested. Returns them in their own order. */
export const inTurn = Effect.fnUntraced(function* (
  { given: { runs, orders, allowDisturbed }, show }: Hall,
  parts: ReadonlyArray<Part>,
  times = runs,
) {
  const done = parts.map(({ name }) => ({ name, runs: [] as Array<Counted> }))
  for (let n = 0; n < times; n++) {
    for (const [at, part] of parts.entries()) {
      show(`${part.name}, run ${n + 1} of ${times} ...`)
      if (part.before) yield* part.before
      const cold = part.warm !== false && (part.before !== undefined || n === 0)
      if (cold && orders >= worthWarming) yield* warmUp(part)
      const run = Effect.scoped(part.run(part.orders))
      done[at]?.runs.push(yield* undisturbed(run, allowDisturbed))
    }
  }
  return done as ReadonlyArray<Measured>
})
