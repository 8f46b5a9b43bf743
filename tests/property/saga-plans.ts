/**
 * Small plans for the simulated world: few orders, and faults so close together that an order meets
 * several of them.
 */
import fc from "fast-check"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import {
  anyTimed,
  callFault,
  operation,
  type Plan,
  type PointFault,
  pointFault,
  replicas as usual,
  restart,
} from "#tests/instruments/simulation/plan.ts"
import { participants, stepAt } from "#tests/instruments/simulation/services.ts"
import { earlierSteps, rarely, usernames, type Wish } from "#tests/instruments/simulation/wish.ts"

/** The times of a plan, in milliseconds. */
interface Times {
  readonly deadlineMs: fc.Arbitrary<number>
  /** When an event happens, and how long it lasts. */
  readonly eventMs: fc.Arbitrary<number>
}

const calmMs = 600_000

/**
 * Everything happens within a few calls of everything else, or of the first that timed out: for
 * races.
 */
export const close: Times = {
  deadlineMs: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: 5_000, max: 5_300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 10_000, max: 10_300 }) },
    { weight: 2, arbitrary: fc.constant(calmMs) },
  ),
  eventMs: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(200)),
}

/** From at once to long after the callers gave up: for late requests and answers. */
export const wide: Times = {
  deadlineMs: fc.constantFrom(0, 1_000, 10_000, 120_000, calmMs, calmMs),
  eventMs: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.nat(300) },
    { weight: 2, arbitrary: fc.nat(10_000) },
    { weight: 2, arbitrary: fc.nat(60_000) },
  ),
}

const replicas = (
  orchestrators: ReadonlyArray<number>,
): fc.Arbitrary<NonNullable<Plan["replicas"]>> =>
  fc.constantFrom(...orchestrators).map((orchestrator) => ({ ...usual, orders: 1, orchestrator }))

/** Mostly for the same things, now and then for one that does not exist. */
const wish = ({ eventMs }: Times): fc.Arbitrary<Wish> =>
  fc.record({
    username: fc.constantFrom("ann", "ann", "bob"),
    amountMinor: fc.constantFrom(10_00, 20_00),
    item: rarely(12, rarely(5, fc.constant(1), fc.constant(2)), fc.constant(99)),
    slot: rarely(12, rarely(5, fc.constant("00:00"), fc.constant("01:00")), fc.constant("19:00")),
    // Most come together, so that waves contain several.
    atMs: rarely(4, fc.constant(0), eventMs),
    repeats: fc.constant([]),
    cancelAfterMs: rarely(4, fc.constant(undefined), eventMs),
    steps: rarely(5, fc.constant(undefined), earlierSteps),
  })

/** Faults of all kinds. Orders that are published again overlap with their own earlier runs. */
const faults = (
  { eventMs }: Times,
): fc.Arbitrary<Pick<Plan, "pointFaults" | "timedFaults" | "drainMs">> =>
  fc.record({
    pointFaults: fc.tuple(
      fc.array(callFault(4, eventMs), { maxLength: 10 }),
      fc.array(pointFault(5, eventMs), { maxLength: 5 }),
    ).map((faults) => faults.flat()),
    timedFaults: fc.array(
      fc.oneof(
        { weight: 2, arbitrary: operation(eventMs, ["published again"]) },
        { weight: 3, arbitrary: restart(eventMs, eventMs) },
        { weight: 1, arbitrary: anyTimed(eventMs, eventMs) },
      ),
      { maxLength: 4 },
    ),
    drainMs: fc.constantFrom(0, 4_000),
  })

/** Up to four orders for scarce resources, under any faults. */
export const anyPlan = (times: Times): fc.Arbitrary<Plan> =>
  fc.tuple(
    fc.record({
      seed: fc.nat(),
      replicas: replicas([2, 3, 1]),
      deadlineMs: times.deadlineMs,
      wallet: fc.constantFrom(60_00, 30_00, 10_00),
      stock: fc.integer({ min: 1, max: 3 }),
      capacity: fc.integer({ min: 1, max: 3 }),
      wishes: fc.array(wish(times), { minLength: 1, maxLength: 4 }),
    }),
    faults(times),
  ).map(([world, faults]) => ({ ...world, ...faults, deliveredAgain: true }))

const order: Wish = {
  username: "ann",
  amountMinor: 10_00,
  item: 1,
  slot: "00:00",
  atMs: 0,
  repeats: [],
}

/** Of several users, because one user may have only a few orders unfinished. */
const ofUsers = (orders: number): ReadonlyArray<Wish> =>
  Array.from({ length: orders }, (_, n) => ({ ...order, username: usernames[n % 3]! }))

/** One order, with enough stock and no faults. */
const calm: Plan = {
  seed: 0,
  replicas: { ...usual, orders: 1, orchestrator: 1 },
  deadlineMs: calmMs,
  wallet: 10_00,
  stock: 1,
  capacity: 1,
  wishes: [order],
  pointFaults: [],
  timedFaults: [],
  deliveredAgain: true,
}

const soonMs = fc.nat(60)

/** Two orders that reach their deadline, or are cancelled, while several waves complete them. */
export const decisionRace = (against: "deadline" | "cancel"): fc.Arbitrary<Plan> => {
  const cancelled = against === "cancel"
  const delay = (point: string, fault: string): fc.Arbitrary<PointFault> =>
    fc.record({
      point: fc.constant(point),
      nth: fc.integer({ min: 1, max: 6 }),
      fault: fc.constant(fault),
      forMs: soonMs,
    })
  return fc.record({
    seed: fc.nat(),
    replicas: replicas([3, 2]),
    deadlineMs: cancelled ? fc.constant(calmMs) : fc.integer({ min: 10, max: 60 }),
    wallet: fc.constant(20_00),
    stock: fc.constant(2),
    capacity: fc.constant(2),
    wishes: fc.array(
      fc.option(fc.nat(60), { nil: undefined }).map((cancelAfterMs): Wish =>
        cancelled ? { ...order, cancelAfterMs } : order
      ),
      { minLength: 2, maxLength: 2 },
    ),
    pointFaults: fc.array(
      fc.oneof(
        delay("failpoint reservations.committed", "stall"),
        delay("failpoint orchestrator.before decide", "stall"),
        delay("failpoint orders.before decision", "stall"),
        delay("call orders", "connection cut"),
        delay("queue publish", "doubled"),
      ),
      { maxLength: 5 },
    ),
    timedFaults: fc.array(operation(soonMs, ["published again"]), { maxLength: 3 }),
    deliveredAgain: fc.constant(true),
  })
}

/** Orders for the same things, with enough of everything except the item: one is left. */
export const lastUnit = (times: Times): fc.Arbitrary<Plan> =>
  fc.tuple(fc.integer({ min: 2, max: 5 }), fc.nat(), replicas([3, 2]), faults(times))
    .map(([orders, seed, replicas, faults]) => ({
      ...calm,
      ...faults,
      // An order whose clock jumps an hour may time out.
      timedFaults: faults.timedFaults.filter(({ fault }) => fault !== "clock jump"),
      seed,
      replicas,
      wallet: orders * 10_00,
      capacity: orders,
      wishes: ofUsers(orders),
    }))

/** Waves that wait for a participant that is away for long, and then an order without its step. */
export const heldUp: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  away: fc.constantFrom(...participants),
  waiting: fc.integer({ min: 2, max: 4 }),
  forMs: fc.integer({ min: 105_000, max: 110_000 }),
}).map(({ seed, away, waiting, forMs }) => ({
  ...calm,
  seed,
  wallet: 60_00,
  stock: 6,
  capacity: 6,
  wishes: ofUsers(waiting + 1).map((wish, n): Wish => ({
    ...wish,
    atMs: 1_000 * n,
    steps: n < waiting ? undefined : stepsInForce.filter((step) => step !== stepAt[away]),
  })),
  timedFaults: [{ fault: "crash", process: `${away}-1`, atMs: 0, forMs }],
}))

/** An orchestrator crashes before it completes an order; another takes it after the deadline. */
export const late = (redelivered: boolean): Plan => ({
  ...calm,
  replicas: { ...usual, orders: 1, orchestrator: 2 },
  deadlineMs: 6_000,
  deliveredAgain: false,
  pointFaults: [
    { point: "failpoint orchestrator.before decide", nth: 1, fault: "crash", forMs: 120_000 },
    ...(redelivered ? [] : [{ point: "queue publish", nth: 1, fault: "doubled", forMs: 7_000 }]),
  ],
})
