/**
 * The simulation with two wrong invariants, for tests that need a violation. One takes two faults:
 * a lost request and a wiped queue. The other is that the order placed last may not win.
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
