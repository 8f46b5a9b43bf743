/** Lets one plan happen and prints its history, up to the violation if there is one. */
import { judge, type Simulate } from "./judge.ts"
import { planText } from "./plan-text.ts"
import { violationText } from "./report.ts"
import type { Screen } from "./screen.ts"
import { planOf } from "./seeds.ts"

/**
 * Returns the exit code: 0, or 1 at a violation. Rejects with a RangeError if no such plan exists.
 */
export const replay = async (
  seed: number,
  path: string,
  simulate: Simulate,
  { print }: Screen,
): Promise<number> => {
  const plan = planOf(seed, path)
  print(planText(plan))
  print("History")
  const { violations, simulation } = await judge(simulate, plan, print)
  if (simulation !== undefined) {
    const { events, hash, tookMs } = simulation
    print(`${events} events in ${(tookMs / 1000).toFixed(3)} s of virtual time, trace hash ${hash}`)
  }
  print(violations.length === 0 ? "No violation" : violationText(violations))
  return violations.length === 0 ? 0 : 1
}
