/** One simulation: lets a plan happen, and returns the violations and what happened. */
import type { Plan } from "./plan.ts"
import { Customers } from "./customers.ts"
import { remember } from "./final.ts"
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
   * How many points were passed until every order was final, off the queue, and known to its
   * customer.
   */
  readonly pointsUntilSettled: number
  /** The orders at the end. */
  readonly orders: ReadonlyArray<OrderRow>
  readonly databases: System["databases"]
}

/** Everything has to be at rest within this time, in virtual milliseconds. */
const restWithinMs = 100 * 60_000
/** Many times what a seed takes. Only retries without a pause reach it. */
const mostEvents = 100_000

/** Lets a plan happen. Whatever the plan does to the system, the promise resolves. */
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
    }
    if (plan.deliveredAgain === true) {
      const isUnchanged = remember(invariants)
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
