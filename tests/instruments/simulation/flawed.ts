/** The simulation with a wrong invariant, for tests that need a violation: no clock may jump. */
import type { Simulate } from "./judge.ts"
import { simulate as simulateRightly } from "./simulate.ts"

export const simulate: Simulate = async (plan, options) => {
  const simulation = await simulateRightly(plan, options)
  const { world } = simulation
  const jumps = world.faults.get("process: clock jump") ?? 0
  world.check(jumps === 0, "I0", () => `clocks jumped ${jumps} times`)
  return simulation
}
