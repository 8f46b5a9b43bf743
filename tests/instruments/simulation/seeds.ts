/**
 * Which plan a seed stands for, and which of the smaller ones a path of fast-check leads to from
 * there.
 */
import fc from "fast-check"
import { anyPlan, type Plan } from "./plan.ts"

/** What fast-check makes a seed of. */
export const greatestSeed = 2 ** 31 - 1

/** Fails with a RangeError when the seed's plan has nothing at the end of the path. */
export const planOf = (seed: number, path = ""): Plan => {
  const [plan] = sampled(seed, path)
  if (plan === undefined) throw new RangeError(`Seed ${seed} has no plan at the path ${path}`)
  return plan
}

const sampled = (seed: number, path: string): ReadonlyArray<Plan> => {
  try {
    return fc.sample(anyPlan, { seed, path, numRuns: 1 })
  } catch {
    // fast-check knows of wrong paths, but its message is no remedy.
    return []
  }
}
