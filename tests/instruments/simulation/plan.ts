/**
 * A plan of a simulated world: what customers order and when, and which faults happen where.
 * fast-check draws plans and, when one shows a violation, shrinks it. A fault happens at a point:
 * the n-th time that any process comes to the place of that name, such as its n-th call of billing
 * or its n-th commit; or at a time.
 */
import fc from "fast-check"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { type FailpointName, failpoints } from "#shared/failpoint.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { operations } from "./operations.ts"
import { type Restock, restock } from "./restocks.ts"
import { type Wish, wish } from "./wish.ts"

/**
 * The services of the simulated world, and how many processes of each there are where a plan does
 * not say.
 */
export const replicas = { orders: 2, orchestrator: 3, ...forEachParticipant(() => 1) }
export type Replicas = Readonly<typeof replicas>
export type ServiceName = keyof Replicas
export const services = Object.keys(replicas) as ReadonlyArray<ServiceName>
export const processesOf = (replicas: Replicas): ReadonlyArray<string> =>
  services.flatMap((service) =>
    Array.from({ length: replicas[service] }, (_, n) => `${service}-${n + 1}`)
  )

/** What can happen to a call: the request or its answer on the way, or what the callee says. */
export const callFaults = [
  "request lost",
  "answer lost",
  "connection cut",
  "request late",
  "answer late",
  "duplicated",
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
export const failpointFaults = ["crash", "stall"] as const

/** What the orchestrator calls, and what customers do; those do not crash. */
export const calls = ["orders", ...participantNames] as const
export const customerCalls = ["place", "find", "restock", "cancel"] as const
export const customerFaults = callFaults.filter((fault) => fault !== "caller crashes")
export const queueCommands = ["publish", "take", "acknowledge"] as const
export const databases = ["orders", ...participantNames] as const

/** The n-th arrival at the place of that name. */
export interface Point {
  readonly point: string
  readonly nth: number
}

/** A fault at a point. */
export interface PointFault extends Point {
  readonly fault: string
  /** How long the crashed stays down, the late is under way, and so on. */
  readonly forMs: number
}

/**
 * How a process fails every request that concerns one order: with a status, or by no answer at all.
 */
export const orderFaults = {
  "breaks on an order": 500,
  "is unavailable for an order": 503,
  "never answers for an order": undefined,
} as const
export type OrderFault = keyof typeof orderFaults
/**
 * What can happen to a process that the orchestrator calls: it answers 401, or fails whenever an
 * order is concerned.
 */
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
  /** Whose it is. */
  readonly process: string
  readonly atMs: number
  readonly forMs: number
}

export interface Plan {
  readonly seed: number
  readonly replicas?: Replicas
  /** When the orchestrators start: by then there may be a backlog. */
  readonly orchestratorsAtMs?: number
  /** The most sagas that one orchestrator runs at once. */
  readonly sagasInFlight?: number
  readonly deadlineMs: number
  readonly wallet: number
  readonly stock: number
  readonly capacity: number
  readonly wishes: ReadonlyArray<Wish>
  readonly restocks?: ReadonlyArray<Restock>
  readonly pointFaults: ReadonlyArray<PointFault>
  readonly timedFaults: ReadonlyArray<TimedFault>
}

/**
 * Customers' orders and faults begin within so long; when faults end, everything has to become
 * final.
 */
export const faultsEndMs = 30_000

const of = (
  prefix: string,
  names: ReadonlyArray<string>,
  faults: ReadonlyArray<string>,
  most: number,
): fc.Arbitrary<PointFault> =>
  fc.record({
    point: fc.constantFrom(...names.map((name) => `${prefix} ${name}`)),
    nth: fc.integer({ min: 1, max: most }),
    fault: fc.constantFrom(...faults),
    forMs: fc.oneof(fc.nat(200), fc.integer({ min: 200, max: 20_000 })),
  })

/** The failpoints that the simulated services pass. */
export const simulatedFailpoints: ReadonlyArray<FailpointName> = failpoints.filter((name) =>
  !["auth", "billing"].includes(name.split(".")[0]!)
)

const pointFault = fc.oneof(
  { weight: 4, arbitrary: of("call", calls, callFaults, 30) },
  { weight: 1, arbitrary: of("call", customerCalls, customerFaults, 30) },
  { weight: 3, arbitrary: of("queue", queueCommands, queueFaults, 20) },
  { weight: 2, arbitrary: of("commit", databases, commitFaults, 30) },
  { weight: 3, arbitrary: of("failpoint", simulatedFailpoints, failpointFaults, 20) },
)

const allProcesses = processesOf(replicas)
const orchestrators = allProcesses.filter((name) => name.startsWith("orchestrator"))
const callees = allProcesses.filter((name) => !orchestrators.includes(name))

const anyTimed = (atMs: fc.Arbitrary<number>, forMs: fc.Arbitrary<number>) => {
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
    // Orders are dated by the clock of orders, and worked on by others.
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
  // Long enough that waits which double without a bound grow past it, and that whoever waits for
  // nothing shows it.
  { weight: 1, arbitrary: anyTimed(fc.nat(5_000), fc.integer({ min: 105_000, max: 130_000 })) },
)

/** As an update does to one after the other: what is under way has to be left as it is. */
const restart: fc.Arbitrary<TimedFault> = fc.record({
  fault: fc.constant("told to stop"),
  process: fc.constantFrom(...orchestrators),
  atMs: fc.nat(20_000),
  forMs: fc.nat(3_000),
})

const operation: fc.Arbitrary<TimedFault> = fc.record({
  fault: fc.constantFrom(...operations),
  process: fc.constantFrom(...orchestrators),
  atMs: fc.nat(faultsEndMs - 1),
  forMs: fc.constant(0),
})

/** Twenty orders and more for things of which there is not enough, and faults of every kind. */
export const anyPlan: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  replicas: fc.constantFrom(3, 2, 1).map((orchestrator) => ({ ...replicas, orchestrator })),
  orchestratorsAtMs: fc.oneof(fc.constant(0), fc.nat(8_000)),
  // Some pass amid faults, and some only after whoever waits for nothing has shown it.
  deadlineMs: fc.constantFrom(6_000, 120_000, 30_000, 6_000, 120_000),
  wallet: fc.constantFrom(100_00, 200_00, 500_00),
  stock: fc.integer({ min: 2, max: 10 }),
  capacity: fc.integer({ min: 3, max: 12 }),
  wishes: fc.array(wish, { minLength: 20, maxLength: 24, size: "max" }),
  restocks: fc.array(restock, { maxLength: 8, size: "max" }),
  pointFaults: fc.array(pointFault, { minLength: 4, maxLength: 30, size: "max" }),
  timedFaults: fc.tuple(
    fc.array(timedFault, { maxLength: 6, size: "max" }),
    fc.array(restart, { maxLength: 4, size: "max" }),
    fc.array(operation, { maxLength: 4, size: "max" }),
  ).map((faults) => faults.flat()),
})
