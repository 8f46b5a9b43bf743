/** Shrinks the plan of a finding as long as the same invariant breaks. */
import { setImmediate } from "node:timers/promises"
import fc from "fast-check"
import { judge, type Simulate } from "./judge.ts"
import { anyPlan } from "./plan.ts"
import type { Finding } from "./runner.ts"

export interface Shrinking {
  readonly simulate: Simulate
  /** After this time the smallest plan so far is the result. */
  readonly withinMs: number
  /** Called with the number of plans that were tried, and of those that became the smallest. */
  readonly onTry?: (tried: number, smaller: number) => void
}

export interface Shrunk {
  /** The path of the smaller plan, for `planOf`. */
  readonly path: string
  readonly tried: number
  /** Whether the time ended before the smallest plan was found. */
  readonly interrupted: boolean
}

/**
 * Returns undefined if the seed does not break the invariant again: then the history depends on
 * more than the plan.
 */
export const shrink = async (
  { seed, violations }: Finding,
  { simulate, withinMs, onTry }: Shrinking,
): Promise<Shrunk | undefined> => {
  const wanted = violations[0]?.invariant
  let tried = 0
  let broken = 0
  const holds = fc.asyncProperty(anyPlan, async (plan) => {
    // A simulation never waits in real time, so without this pause it could not be interrupted.
    await setImmediate()
    const judgement = await judge(simulate, plan)
    const breaks = judgement.violations.some(({ invariant }) => invariant === wanted)
    tried++
    if (breaks) broken++
    onTry?.(tried, Math.max(0, broken - 1))
    return !breaks
  })
  const { counterexamplePath, interrupted } = await fc.check(holds, {
    seed,
    numRuns: 1,
    interruptAfterTimeLimit: withinMs,
    skipEqualValues: true,
  })
  if (counterexamplePath === null) return undefined
  return { path: counterexamplePath, tried, interrupted }
}
