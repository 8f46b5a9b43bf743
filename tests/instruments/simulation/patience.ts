/**
 * How long an order may take. Whoever is away for long holds up only the orders that need it: all
 * others become final as if nobody were away.
 */
import { isOperation } from "./operations.ts"
import { orderFaults, type Plan, replicas as usual } from "./plan.ts"

/**
 * More than it takes to lose an order from the queue until the faults end, to publish it again, and
 * to run it.
 */
export const patienceMs = 90_000

const longMs = 25_000

/**
 * The services that are away for long; `undefined` when so much is away that nothing can be said of
 * any order.
 */
export const awayForLong = (
  { timedFaults, replicas = usual }: Plan,
): ReadonlySet<string> | undefined => {
  const processes = new Set<string>()
  for (const { fault, process, forMs } of timedFaults) {
    // By such a clock an order is published again an hour later.
    if (fault === "clock jump") return undefined
    const isAway = !(fault in orderFaults) && !isOperation(fault)
    if (forMs > longMs && isAway) processes.add(process)
  }
  const services = [...processes].map((name) => name.split("-", 1)[0]!)
  if (services.includes("orders")) return undefined
  const orchestrators = services.filter((name) => name === "orchestrator").length
  return orchestrators < replicas.orchestrator ? new Set(services) : undefined
}
