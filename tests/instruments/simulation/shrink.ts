/** Makes the plan of a finding smaller, for as long as the same invariant breaks. */
import { setImmediate } from "node:timers/promises"
import fc from "fast-check"
import { judge, type Simulate } from "./judge.ts"
import { anyPlan } from "./plan.ts"
import type { Finding } from "./runner.ts"

export interface Shrinking {
  readonly simulate: Simulate
  /** After so long the smallest plan found by then has to do. */
  readonly withinMs: number
  /**
   * Is told how many plans were tried, and how many of them, each smaller than the one before,
   * broke the invariant.
   */
  readonly onTry?: (tried: number, smaller: number) => void
}

export interface Shrunk {
  /** Where `planOf` finds the smaller plan. */
  readonly path: string
  readonly tried: number
  /** Whether the time was up before the smallest plan was found. */
  readonly interrupted: boolean
}

/**
 * Gives nothing when the seed did not break the invariant again: then a history has more causes
 * than its plan.
 */
export const shrink = async (
  { seed, violations }: Finding,
  { simulate, withinMs, onTry }: Shrinking,
): Promise<Shrunk | undefined> => {
  const wanted = violations[0]?.invariant
  let tried = 0
  let broken = 0
  const holds = fc.asyncProperty(anyPlan, async (plan) => {
    // A simulation never waits for anything real: without this nobody could interrupt it.
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
