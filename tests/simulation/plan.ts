/**
 * A plan of a simulated world: what customers order and when, and which faults happen where. fast-check draws plans and,
 * when one shows a violation, shrinks it. A fault happens at a point: the n-th time that any process comes to the place of
 * that name, such as its n-th call of billing or its n-th commit; or at a time.
 */
import fc from "fast-check"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { type FailpointName, failpoints } from "#shared/failpoint.ts"
import { operations } from "./operations.ts"
import { type Restock, restock } from "./restocks.ts"

/** The services of the simulated world, and how many processes of each there are where a plan does not say. */
export const replicas = { orders: 2, orchestrator: 3, billing: 1, items: 1, slots: 1 }
export type Replicas = Readonly<typeof replicas>
export type ServiceName = keyof Replicas
export const services = Object.keys(replicas) as ReadonlyArray<ServiceName>
export const processesOf = (replicas: Replicas): ReadonlyArray<string> =>
  services.flatMap((service) =>
    Array.from({ length: replicas[service] }, (_, n) => `${service}-${n + 1}`)
  )

/** What there is to order; a wish may be for something else. */
export const usernames = ["ann", "bob", "cy"]
export const itemIds = ["1", "2", "3", "4"]
export const slotTimes = ["00:00", "01:00", "02:00"]
/** What each participant refuses as malformed, and with it the whole request that it is in: a poison order wants it. */
export const poison = { billing: "mallory", items: "13", slots: "13:00" }

/** One customer's wish for one order, and how its client behaves. */
export interface Wish {
  readonly username: string
  readonly amountMinor: number
  readonly item: number
  readonly slot: string
  readonly atMs: number
  /** Posts of the same order with the same key that are sent besides the first. */
  readonly repeats: ReadonlyArray<number>
  /** How long after it was acknowledged the customer cancels it, if at all. */
  readonly cancelAfterMs?: number | undefined
  /** The steps of the earlier version of the saga that accepts it, if it is not today's. */
  readonly steps?: OrderMessage["steps"] | undefined
}

/** Whether a participant refuses the order as malformed. */
export const isPoison = ({ username, item, slot }: Wish): boolean =>
  username === poison.billing || `${item}` === poison.items || slot === poison.slots

/** The idempotency keys of the wishes. A key belongs to its user: different users have the same ones. */
export const keysOf = (wishes: ReadonlyArray<Wish>): ReadonlyArray<string> => {
  const times = new Map<string, number>()
  return wishes.map(({ username }) => {
    const nth = times.get(username) ?? 0
    times.set(username, nth + 1)
    return `key ${nth}`
  })
}

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
export const calls = ["orders", "billing", "items", "slots"] as const
export const customerCalls = ["place", "find", "restock", "cancel"] as const
export const customerFaults = callFaults.filter((fault) => fault !== "caller crashes")
export const queueCommands = ["publish", "take", "acknowledge"] as const
export const databases = ["orders", "billing", "items", "slots"] as const

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

/** How a process fails every request that concerns one order: with a status, or by no answer at all. */
export const orderFaults = {
  "breaks on an order": 500,
  "is unavailable for an order": 503,
  "never answers for an order": undefined,
} as const
export type OrderFault = keyof typeof orderFaults
/** What can happen to a process that the orchestrator calls: it answers 401, or fails whenever an order is concerned. */
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

/** Customers' orders and faults begin within so long; when faults end, everything has to become final. */
export const faultsEndMs = 30_000

/** Now and then something else. */
const rarely = <A>(one: number, usual: fc.Arbitrary<A>, other: fc.Arbitrary<A>) =>
  fc.oneof(
    { withCrossShrink: true },
    { weight: one - 1, arbitrary: usual },
    { weight: 1, arbitrary: other },
  )
const poisonEvery = 130

const wish: fc.Arbitrary<Wish> = fc.record({
  username: rarely(poisonEvery, fc.constantFrom(...usernames), fc.constant(poison.billing)),
  amountMinor: fc.constantFrom(10_10, 19_99, 33_33, 50_05),
  item: rarely(
    poisonEvery,
    rarely(30, fc.constantFrom(...itemIds.map(Number)), fc.constant(99)),
    fc.constant(Number(poison.items)),
  ),
  slot: rarely(
    poisonEvery,
    fc.constantFrom(...slotTimes, "19:00"),
    fc.constant(poison.slots),
  ),
  // Most come in crowds, so that waves are of several.
  atMs: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(500, 3_000, 6_000) },
    { weight: 1, arbitrary: fc.nat(10_000) },
  ),
  repeats: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.nat(4_000), { maxLength: 2 }) },
  ),
  // While it is under way, or about when it would be decided.
  cancelAfterMs: rarely(
    5,
    fc.constant(undefined),
    fc.oneof(fc.nat(200), fc.nat(2_000), fc.nat(20_000)),
  ),
  steps: rarely(
    6,
    fc.constant(undefined),
    fc.subarray([...stepsInForce], { minLength: 1, maxLength: stepsInForce.length - 1 }),
  ),
})

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
  // Long enough that waits which double without a bound grow past it, and that whoever waits for nothing shows it.
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
