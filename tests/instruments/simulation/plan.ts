/**
 * A plan of a simulated world: the orders, when they come, and the faults. fast-check draws plans,
 * and shrinks a plan that shows a violation. A fault happens at a time or at a point: the n-th time
 * that any process passes a place, such as the n-th call of billing or the n-th commit.
 */
import fc from "fast-check"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { type FailpointName, failpoints } from "#shared/failpoint.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { operations } from "./operations.ts"
import { type Restock, restock } from "./restocks.ts"
import { type Wish, wish } from "./wish.ts"

/** The services of the simulated world, and the usual number of processes of each. */
export const replicas = { orders: 2, orchestrator: 3, ...forEachParticipant(() => 1) }
export type Replicas = Readonly<typeof replicas>
export type ServiceName = keyof Replicas
export const services = Object.keys(replicas) as ReadonlyArray<ServiceName>
export const processesOf = (replicas: Replicas): ReadonlyArray<string> =>
  services.flatMap((service) =>
    Array.from({ length: replicas[service] }, (_, n) => `${service}-${n + 1}`)
  )

/** What can happen to a call: to its request, to its answer, or at the callee. */
export const callFaults = [
  "request lost",
  "answer lost",
  "connection cut",
  "request late",
  "answer late",
  "duplicated",
  "400 before",
  "500 before",
  "503 before",
  "429 before",
  "500 after",
  "503 after",
  "caller crashes",
  "callee crashes",
] as const
/** What can happen to a command to the queue. */
export const queueFaults = [
  "command lost",
  "answer lost",
  "doubled",
  "caller crashes",
  "wiped",
  "entry stolen",
] as const
export const commitFaults = [
  "refused",
  "answer lost",
  "process crashes",
  "database restarts",
] as const
export const failpointFaults = ["crash", "stall", "defect"] as const
/** Where a defect may strike. It ends the wave, and the wave's orders become dead letters. */
export const defectPoints = ["reserve", "cancel", "decide"].map((name) =>
  `orchestrator.before ${name}`
)

/** The callees of the orchestrator, and the calls of customers, who do not crash. */
export const calls = ["orders", ...participantNames] as const
export const customerCalls = ["place", "find", "restock", "cancel"] as const
export const customerFaults = callFaults.filter((fault) =>
  fault !== "caller crashes" && fault !== "400 before"
)
export const queueCommands = ["publish", "take", "acknowledge"] as const
export const databases = ["orders", ...participantNames] as const

/** The n-th time that a place is passed. */
export interface Point {
  readonly point: string
  readonly nth: number
}

/** A fault at a point. */
export interface PointFault extends Point {
  readonly fault: string
  /** How long the fault lasts: a crashed process is down, a late request is under way. */
  readonly forMs: number
}

/** How a process fails each request that contains one order: its status, or no answer. */
export const orderFaults = {
  "breaks on an order": 500,
  "is unavailable for an order": 503,
  "never answers for an order": undefined,
} as const
export type OrderFault = keyof typeof orderFaults
/** What can happen to a callee of the orchestrator: it answers 401, or fails on one order. */
export const calleeFaults = [
  "refuses its callers",
  ...Object.keys(orderFaults) as ReadonlyArray<OrderFault>,
] as const
export const processFaults = [
  "stopped",
  "told to stop",
  "crash",
  "partition",
  "unknown order",
  "clock jump",
  "clock apart",
] as const
export const timedFaults = [...processFaults, ...calleeFaults, ...operations]

/** A fault at a time. */
export interface TimedFault {
  readonly fault: typeof timedFaults[number]
  /** The process that it happens to. */
  readonly process: string
  readonly atMs: number
  readonly forMs: number
}

export interface Plan {
  readonly seed: number
  readonly replicas?: Replicas
  /** When the orchestrators start. By then there may be a backlog. */
  readonly orchestratorsAtMs?: number
  /** The most sagas that one orchestrator runs at once. */
  readonly sagasInFlight?: number
  /** How long an orchestrator that is told to stop waits for its sagas. */
  readonly drainMs?: number
  readonly deadlineMs: number
  readonly wallet: number
  readonly stock: number
  readonly capacity: number
  readonly wishes: ReadonlyArray<Wish>
  readonly restocks?: ReadonlyArray<Restock>
  readonly pointFaults: ReadonlyArray<PointFault>
  readonly timedFaults: ReadonlyArray<TimedFault>
  /** Whether all orders are delivered once more when everything is at rest. */
  readonly deliveredAgain?: boolean
}

/** All orders and faults begin before this. After the faults end, everything becomes final. */
export const faultsEndMs = 30_000

/** The failpoints of the simulated services. */
export const simulatedFailpoints: ReadonlyArray<FailpointName> = failpoints.filter((name) =>
  !["auth", "billing"].includes(name.split(".")[0]!)
)

const faultsAt = (most: number, forMs: fc.Arbitrary<number>) =>
(
  prefix: string,
  names: ReadonlyArray<string>,
  faults: ReadonlyArray<string>,
): fc.Arbitrary<PointFault> =>
  fc.record({
    point: fc.constantFrom(...names.map((name) => `${prefix} ${name}`)),
    nth: fc.integer({ min: 1, max: most }),
    fault: fc.constantFrom(...faults),
    forMs,
  })

/** A fault at one of the first `most` calls of a service. */
export const callFault = (most: number, forMs: fc.Arbitrary<number>): fc.Arbitrary<PointFault> =>
  faultsAt(most, forMs)("call", calls, callFaults)

/** A fault at one of the first `most` times that any place is passed. */
export const pointFault = (most: number, forMs: fc.Arbitrary<number>): fc.Arbitrary<PointFault> => {
  const of = faultsAt(most, forMs)
  return fc.oneof(
    { weight: 8, arbitrary: callFault(most, forMs) },
    { weight: 2, arbitrary: of("call", customerCalls, customerFaults) },
    { weight: 6, arbitrary: of("queue", queueCommands, queueFaults) },
    { weight: 4, arbitrary: of("commit", databases, commitFaults) },
    { weight: 6, arbitrary: of("failpoint", simulatedFailpoints, ["crash", "stall"]) },
    { weight: 1, arbitrary: of("failpoint", defectPoints, ["defect"]) },
  )
}

const allProcesses = processesOf(replicas)
const orchestrators = allProcesses.filter((name) => name.startsWith("orchestrator"))
const callees = allProcesses.filter((name) => !orchestrators.includes(name))

export const anyTimed = (atMs: fc.Arbitrary<number>, forMs: fc.Arbitrary<number>) => {
  const of = (faults: ReadonlyArray<TimedFault["fault"]>, processes: ReadonlyArray<string>) =>
    fc.record({
      fault: fc.constantFrom(...faults),
      process: fc.constantFrom(...processes),
      atMs,
      forMs,
    })
  return fc.oneof(
    { weight: 8, arbitrary: of(processFaults.slice(0, -2), allProcesses) },
    { weight: 1, arbitrary: of(["clock jump"], allProcesses) },
    // The clock of orders dates the orders, so an orchestrator's clock can be apart from it.
    { weight: 1, arbitrary: of(["clock apart"], orchestrators) },
    { weight: 4, arbitrary: of(calleeFaults, callees) },
  )
}

const timedFault: fc.Arbitrary<TimedFault> = fc.oneof(
  {
    weight: 7,
    arbitrary: anyTimed(
      fc.nat(15_000),
      fc.oneof(fc.nat(3_000), fc.integer({ min: 3_000, max: 25_000 })),
    ),
  },
  // Long enough to show waits that double without a bound, and orders that wait for a service that
  // they do not need.
  { weight: 1, arbitrary: anyTimed(fc.nat(5_000), fc.integer({ min: 105_000, max: 130_000 })) },
)

/** A restart as in an update: sagas under way stay as they are. */
export const restart = (
  atMs: fc.Arbitrary<number>,
  forMs: fc.Arbitrary<number>,
): fc.Arbitrary<TimedFault> =>
  fc.record({
    fault: fc.constant("told to stop"),
    process: fc.constantFrom(...orchestrators),
    atMs,
    forMs,
  })

export const operation = (
  atMs: fc.Arbitrary<number>,
  names: ReadonlyArray<typeof operations[number]> = operations,
): fc.Arbitrary<TimedFault> =>
  fc.record({
    fault: fc.constantFrom(...names),
    process: fc.constantFrom(...orchestrators),
    atMs,
    forMs: fc.constant(0),
  })

/** At least twenty orders for scarce resources, and faults of every kind. */
export const anyPlan: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  replicas: fc.constantFrom(3, 2, 1).map((orchestrator) => ({ ...replicas, orchestrator })),
  orchestratorsAtMs: fc.oneof(fc.constant(0), fc.nat(8_000)),
  // Some pass amid faults, and some only after an order that waits in vain has shown it.
  deadlineMs: fc.constantFrom(6_000, 120_000, 30_000, 6_000, 120_000),
  wallet: fc.constantFrom(100_00, 200_00, 500_00),
  stock: fc.integer({ min: 2, max: 10 }),
  capacity: fc.integer({ min: 3, max: 12 }),
  wishes: fc.array(wish, { minLength: 20, maxLength: 24, size: "max" }),
  restocks: fc.array(restock, { maxLength: 8, size: "max" }),
  pointFaults: fc.array(
    pointFault(25, fc.oneof(fc.nat(200), fc.integer({ min: 200, max: 20_000 }))),
    { minLength: 4, maxLength: 30, size: "max" },
  ),
  timedFaults: fc.tuple(
    fc.array(timedFault, { maxLength: 6, size: "max" }),
    fc.array(restart(fc.nat(20_000), fc.nat(3_000)), { maxLength: 4, size: "max" }),
    fc.array(operation(fc.nat(faultsEndMs - 1)), { maxLength: 4, size: "max" }),
  ).map((faults) => faults.flat()),
  deliveredAgain: fc.constant(true),
})
