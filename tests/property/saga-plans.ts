/**
 * Plans of what happens to sagas: which orders there are and what of, when their sagas are delivered and interrupted, and
 * what becomes of each message; and the arbitraries that draw them. saga-world.ts lets a plan happen.
 */
import fc from "fast-check"
import type { FailureReason, OrderId, StepName } from "#shared/contracts/order.ts"

export const stepNames = ["money", "item", "slot"] as const

export const refusals: Readonly<Record<StepName, FailureReason>> = {
  money: "Not enough money",
  item: "Can not reserve the item",
  slot: "Can not get the delivery slot",
}

export const idOf = (order: number) => `order ${order}` as OrderId

/**
 * What becomes of a message: answered; refused; cut off after it took effect; lost before; or met by a defect, which
 * changes nothing, and is one of the run that sent it too.
 */
export interface Fate {
  readonly fate: "answered" | "refused" | "cut off" | "lost" | "defect"
  /** Callers wait for 5 s only, so what arrives later takes effect behind their back. */
  readonly arrivesMs: number
}

export interface Order {
  readonly takes: Readonly<
    Record<StepName, { readonly resource: string; readonly quantity: number }>
  >
  readonly deadlineMs: number
}

/** One run of the saga of the order with that index. */
export interface Delivery {
  readonly order: number
  readonly atMs: number
  readonly redelivered: boolean
  /** When the run is interrupted: after a time, or at its n-th call, before or after the message has left. */
  readonly stop?: { readonly afterMs: number } | { readonly atCall: number; readonly sent: boolean }
}

export interface Plan {
  readonly seed: number
  readonly stock: Readonly<Record<StepName, Readonly<Record<string, number>>>>
  readonly orders: ReadonlyArray<Order>
  readonly deliveries: ReadonlyArray<Delivery>
  /** What becomes of the first messages to each; later ones are answered at once. */
  readonly fates: Readonly<Record<StepName | "register", ReadonlyArray<Fate>>>
}

export const minute = 60_000
const day = 24 * 60 * minute

/** The times of a plan, in milliseconds. */
interface Times {
  readonly deadlineMs: fc.Arbitrary<number>
  /** When a message arrives, a run starts or a run is interrupted. */
  readonly eventMs: fc.Arbitrary<number>
}

/** Everything happens within a few calls of everything else, or of the first that timed out: for races. */
export const close: Times = {
  deadlineMs: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: 5_000, max: 5_300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 10_000, max: 10_300 }) },
    { weight: 2, arbitrary: fc.constant(day) },
  ),
  eventMs: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(200)),
}

/** From at once to minutes after the callers gave up: for what comes late. */
export const wide: Times = {
  deadlineMs: fc.constantFrom(0, 1_000, 10_000, 2 * minute, day, day),
  eventMs: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.nat(300) },
    { weight: 2, arbitrary: fc.nat(10_000) },
    { weight: 2, arbitrary: fc.nat(5 * minute) },
  ),
}

const fates = ({ eventMs }: Times): fc.Arbitrary<Array<Fate>> =>
  fc.array(
    fc.record({
      fate: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom("answered", "refused", "cut off", "lost") },
        { weight: 1, arbitrary: fc.constant("defect") },
      ),
      arrivesMs: eventMs,
    }),
    { maxLength: 6 },
  )

const allFates = (times: Times): fc.Arbitrary<Plan["fates"]> =>
  fc.record({ money: fates(times), item: fates(times), slot: fates(times), register: fates(times) })

const delivery = ({ eventMs }: Times, orders: number): fc.Arbitrary<Delivery> =>
  fc.record({
    order: fc.nat(orders - 1),
    atMs: eventMs,
    redelivered: fc.boolean(),
    stop: fc.oneof(
      fc.record({ atCall: fc.integer({ min: 1, max: 12 }), sent: fc.boolean() }),
      fc.record({ afterMs: eventMs }),
    ),
  }, { requiredKeys: ["order", "atMs", "redelivered"] })

/** Mostly the same resource; rarely one that does not exist. */
const one = (first: string, second: string) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(first) },
    { weight: 3, arbitrary: fc.constant(second) },
    { weight: 1, arbitrary: fc.constant("nothing") },
  )

const order = ({ deadlineMs }: Times): fc.Arbitrary<Order> =>
  fc.record({
    takes: fc.record({
      money: fc.record({ resource: one("ann", "bob"), quantity: fc.integer({ min: 1, max: 2 }) }),
      item: fc.record({ resource: one("1", "2"), quantity: fc.constant(1) }),
      slot: fc.record({ resource: one("09:00", "10:00"), quantity: fc.constant(1) }),
    }),
    deadlineMs,
  })

/** So little that sagas are in each other's way, and enough that one could complete. */
const stock = (first: string, second: string, most: number) =>
  fc.record({ [first]: fc.integer({ min: 1, max: most }), [second]: fc.nat(most) })

/** Up to three orders, under any fates. */
export const anyPlan = (times: Times): fc.Arbitrary<Plan> =>
  fc.integer({ min: 1, max: 3 }).chain((orders) =>
    fc.record({
      seed: fc.nat(),
      stock: fc.record({
        money: stock("ann", "bob", 6),
        item: stock("1", "2", 3),
        slot: stock("09:00", "10:00", 3),
      }),
      orders: fc.array(order(times), { minLength: orders, maxLength: orders }),
      deliveries: fc.array(delivery(times, orders), { minLength: 1, maxLength: 3 * orders }),
      fates: allFates(times),
    })
  )

/** An order for one of each, and no reason why it should not complete. */
export const calm = {
  seed: 0,
  stock: { money: { ann: 1 }, item: { "1": 1 }, slot: { "09:00": 1 } },
  orders: [{
    takes: {
      money: { resource: "ann", quantity: 1 },
      item: { resource: "1", quantity: 1 },
      slot: { resource: "09:00", quantity: 1 },
    },
    deadlineMs: day,
  }],
  deliveries: [{ order: 0, atMs: 0, redelivered: false }],
  fates: { money: [], item: [], slot: [], register: [] },
} as const satisfies Plan

/** One order, whose deadline passes when its runs are about to complete it. */
export const decisionRace: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  stock: fc.constant(calm.stock),
  orders: fc.integer({ min: 10, max: 50 }).map((deadlineMs) => [{ ...calm.orders[0], deadlineMs }]),
  deliveries: fc.array(
    fc.record({ order: fc.constant(0), atMs: fc.nat(60), redelivered: fc.boolean() }),
    { minLength: 2, maxLength: 4 },
  ),
  fates: fc.record({
    money: fc.constant([]),
    item: fc.constant([]),
    slot: fc.array(fc.record({ fate: fc.constant("answered"), arrivesMs: fc.nat(30) })),
    register: fc.array(
      fc.record({ fate: fc.constantFrom("answered", "cut off"), arrivesMs: fc.nat(60) }),
    ),
  }),
})

/** Orders for the same things, with enough of all but the item, of which there is one, and with time. */
export const lastUnit = (times: Times): fc.Arbitrary<Plan> =>
  fc.integer({ min: 2, max: 4 }).chain((orders) =>
    fc.record({
      seed: fc.nat(),
      stock: fc.constant({ ...calm.stock, money: { ann: orders }, slot: { "09:00": orders } }),
      orders: fc.constant(Array<Order>(orders).fill(calm.orders[0])),
      deliveries: fc.array(delivery(times, orders), { minLength: orders, maxLength: 3 * orders }),
      fates: allFates(times),
    })
  )
