/**
 * The simulation with two flaws, for tests that need a violation: it says that no request may be
 * lost when the queue was wiped, which takes two faults, and that of several orders the one placed
 * last may not win.
 */
import type { Simulate } from "../judge.ts"
import { simulate as simulateRightly } from "../simulate.ts"

export const simulate: Simulate = async (plan, options) => {
  const simulation = await simulateRightly(plan, options)
  const { world, orders } = simulation
  const both = ["queue: wiped", "call: request lost"].every((kind) => world.faults.has(kind))
  world.check(!both, "I0", () => "a request was lost, and the queue was wiped")
  const lastWon = orders.length > 1 && orders.at(-1)!.status === "completed"
  world.check(!lastWon, "I0", () => "the last order won")
  return simulation
}
