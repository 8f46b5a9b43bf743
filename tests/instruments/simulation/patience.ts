/**
 * How long an order may take. A service that is away for long holds up only the orders that need
 * it; all others become final as usual.
 */
import { isOperation } from "./operations.ts"
import { orderFaults, type Plan, replicas as usual } from "./plan.ts"

/** Longer than an order takes that is lost from the queue until the faults end. */
export const patienceMs = 90_000

const longMs = 25_000

/** The services that are away for long; undefined if any order may need one of them. */
export const awayForLong = (
  { pointFaults, timedFaults, replicas = usual }: Plan,
): ReadonlySet<string> | undefined => {
  // Every order needs orders and orchestrators. Where orders has a single replica, each fault may
  // be an outage of it, and many short ones are as bad as a long one.
  const faultyMs = [
    ...pointFaults,
    ...timedFaults.filter(({ process }) => /^(?:orders|orchestrator)-/.test(process)),
  ].reduce((sum, { forMs }) => sum + forMs, 0)
  if (replicas.orders === 1 && faultyMs > longMs) return undefined
  const processes = new Set<string>()
  for (const { fault, process, forMs } of timedFaults) {
    // With such a clock an order may be published again only an hour later.
    if (fault === "clock jump") return undefined
    const isAway = !(fault in orderFaults) && !isOperation(fault)
    if (forMs > longMs && isAway) processes.add(process)
  }
  const services = [...processes].map((name) => name.split("-", 1)[0]!)
  if (services.includes("orders")) return undefined
  const orchestrators = services.filter((name) => name === "orchestrator").length
  return orchestrators < replicas.orchestrator ? new Set(services) : undefined
}
