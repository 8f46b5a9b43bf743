/**
 * One simulation: a plan in, and out come the violations, a fingerprint of the history and what of
 * the plan came to pass.
 */
import type { Plan } from "./plan.ts"
import { Customers } from "./customers.ts"
import { Invariants } from "./invariants.ts"
import { Kernel, type KernelOptions, startMs } from "./kernel.ts"
import { Operator } from "./operator.ts"
import { System } from "./system.ts"
import { rows } from "./tables/database.ts"
import { type OrderRow, orders } from "./tables/order-table.ts"
import type { Violation, World } from "./world.ts"

export interface Simulation {
  readonly violations: ReadonlyArray<Violation>
  /** The same for the same plan, on every machine and runtime. */
  readonly hash: string
  readonly events: number
  /** Virtual milliseconds until everything was at rest. */
  readonly tookMs: number
  readonly world: World
  /**
   * How many points were passed by the time that every order was final, told to its customer and
   * off the queue.
   */
  readonly pointsUntilSettled: number
  /** The orders as they ended. */
  readonly orders: ReadonlyArray<OrderRow>
  readonly databases: System["databases"]
}

/** Everything has to be final so long after the faults have ended, in virtual milliseconds. */
const restWithinMs = 100 * 60_000
/** Many times what any seed takes: whoever tries again without a pause gets nowhere in no time. */
const mostEvents = 100_000

/** Lets a plan happen. It never rejects for what the plan does to the system. */
export const simulate = async (
  plan: Plan,
  options: Omit<KernelOptions, "seed"> = {},
): Promise<Simulation> => {
  const kernel = new Kernel({ seed: plan.seed, ...options })
  const system = new System(kernel, plan)
  const invariants = new Invariants(system, plan)
  system.start()
  const customers = new Customers(system, plan)
  const operator = new Operator(system, plan)
  const { world } = system
  let pointsUntilSettled = 0
  let tookMs = 0
  const atRest = () => {
    const settled = customers.acknowledged.size === plan.wishes.length &&
      invariants.nothingInFlight && system.queue.entries.size === 0
    if (!settled) pointsUntilSettled = world.points.length
    return settled && customers.done && operator.done
  }
  const tooLate = () => kernel.nowMs > startMs + restWithinMs || kernel.happened > mostEvents
  try {
    await kernel.run(() => world.violations.length > 0 || atRest() || tooLate())
    tookMs = kernel.nowMs - startMs
    if (world.violations.length === 0 && !tooLate()) {
      invariants.atRest(customers.acknowledged, operator.answered)
      const isUnchanged = invariants.remember()
      system.queue.publishAgain()
      system.queue.publishAgain(true)
      const done = () => system.queue.entries.size === 0
      await kernel.run(() => world.violations.length > 0 || done() || tooLate())
      isUnchanged()
    }
    world.check(!tooLate(), "I12", () => `after ${kernel.happened} events there is no rest`)
  } catch (error) {
    world.violated("I12", String(error))
  }
  return {
    violations: world.violations,
    hash: kernel.hash.toString(16).padStart(8, "0"),
    events: kernel.happened,
    tookMs,
    world,
    pointsUntilSettled,
    orders: rows(system.databases.orders, orders),
    databases: system.databases,
  }
}
