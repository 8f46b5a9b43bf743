/**
 * The verdict on one plan. A simulation that throws is a finding like any other: it is shrunk and
 * replayed the same way.
 */
import type { Plan } from "./plan.ts"
import type { simulate, Simulation } from "./simulate.ts"
import type { Violation } from "./world.ts"

export type Simulate = typeof simulate

export interface Judgement {
  readonly violations: ReadonlyArray<Violation>
  /** Nothing when it threw. */
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
