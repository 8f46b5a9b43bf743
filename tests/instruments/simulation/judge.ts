/**
 * The verdict on one plan. A simulation that throws counts as a violation, so it is shrunk and
 * replayed like one.
 */
import type { Plan } from "./plan.ts"
import type { simulate, Simulation } from "./simulate.ts"
import type { Violation } from "./world.ts"

export type Simulate = typeof simulate

export interface Judgement {
  readonly violations: ReadonlyArray<Violation>
  /** Undefined if it threw. */
  readonly simulation: Simulation | undefined
}

export const judge = async (
  simulate: Simulate,
  plan: Plan,
  trace?: (line: string) => void,
): Promise<Judgement> => {
  try {
    const simulation = await simulate(plan, { trace })
    return { violations: simulation.violations, simulation }
  } catch (error) {
    const found = error instanceof Error ? error.stack ?? error.message : String(error)
    return { violations: [{ invariant: "the simulator itself", found }], simulation: undefined }
  }
}
