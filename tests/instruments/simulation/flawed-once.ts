/** For tests: a simulation that finds a violation in a thread, and never again outside. */
import { isMainThread } from "node:worker_threads"
import type { Simulate } from "./judge.ts"
import { simulate as simulateRightly } from "./simulate.ts"

export const simulate: Simulate = async (plan, options) => {
  const simulation = await simulateRightly(plan, options)
  simulation.world.check(isMainThread, "I0", () => "it is one of several")
  return simulation
}
