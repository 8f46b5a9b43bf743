/** The plan of a seed, and the smaller plans that a path of fast-check leads to from it. */
import fc from "fast-check"
import { anyPlan, type Plan } from "./plan.ts"

/** The greatest seed that fast-check takes. */
export const greatestSeed = 2 ** 31 - 1

/** Throws a RangeError if the path leads to no plan. */
export const planOf = (seed: number, path = ""): Plan => {
  const [plan] = sampled(seed, path)
  if (plan === undefined) throw new RangeError(`Seed ${seed} has no plan at the path ${path}`)
  return plan
}

const sampled = (seed: number, path: string): ReadonlyArray<Plan> => {
  try {
    return fc.sample(anyPlan, { seed, path, numRuns: 1 })
  } catch {
    // The message of fast-check would not help.
    return []
  }
}
