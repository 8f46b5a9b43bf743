/**
 * The runs of a scenario: each part has its warm-up, then they take turns, so that what they are
 * compared by was measured in the same minutes. A run that other programs disturbed is made again,
 * not averaged in.
 */
import { Effect, type Scope } from "effect"
import type { Hall, Message } from "./hall.ts"
import type { Counted } from "./row.ts"
import type { Run } from "./run.ts"

/** From so many processors in use by others, a run is disturbed. */
const disturbedFromCores = 0.25
const triesAtMost = 4
/** Enough of a process for the compilers of Node and Deno to have seen all that matters. */
const warmUpOrders = 60_000
/** Whoever asks for runs of fewer orders wants to see that it works, not how fast it is. */
const worthWarming = 1_000

export type RunEffect = Effect.Effect<Run, Message, Scope.Scope>

export interface Part {
  readonly name: string
  readonly orders: number
  readonly run: (orders: number) => RunEffect
  /** Made before each run and before the warm-up, such as other services. */
  readonly before?: Effect.Effect<unknown, Message>
  /** Whether it needs a warm-up; it does unless told otherwise. */
  readonly warm?: boolean
  /**
   * How many processes share the orders, so that the warm-up has to be as much longer; one unless
   * told otherwise.
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
 * Runs until a run is not disturbed, or the tries are used up; then it is the least disturbed of
 * them.
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

/** Runs the parts in turn, as often as was asked for; in the order of the parts. */
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
