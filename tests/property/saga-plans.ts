/**
 * Plans of what happens to sagas: which orders there are and what of, which waves of them are
 * delivered and interrupted, and what becomes of each request; and the arbitraries that draw them.
 * saga-world.ts lets a plan happen.
 */
import fc from "fast-check"
import type { OrderContent, OrderId, StepName } from "#shared/contracts/order.ts"
import { type OrderStep, stepsInForce } from "#shared/contracts/order-saga.ts"
import { forEachStep } from "#tests/support/saga-rows.ts"

export const idOf = (order: number) => `order ${order}` as OrderId

/**
 * What becomes of a request: answered; refused; cut off after it took effect; lost before; or met
 * by a defect, which changes nothing, and is one of the wave that sent it too. One that has a
 * poison entry is answered but for that entry.
 */
export interface Fate {
  readonly fate: "answered" | "refused" | "cut off" | "lost" | "poison" | "defect"
  /** Callers wait for 5 s only, so what arrives later takes effect behind their back. */
  readonly arrivesMs: number
  /**
   * Which entries meet it, bit by bit; the others are answered. Of a poison one the number tells
   * which it is.
   */
  readonly strikes: number
}

/** Every entry. */
export const all = 255

export interface Order {
  readonly takes: OrderContent
  /** Those that it was accepted with. */
  readonly steps: ReadonlyArray<StepName>
  readonly deadlineMs: number
}

/** One wave: the orders with these indices. */
export interface Delivery {
  readonly orders: ReadonlyArray<{ readonly order: number; readonly redelivered: boolean }>
  readonly atMs: number
  /**
   * When its process is stopped: after a time, or at its n-th request, before or after that has
   * left.
   */
  readonly stop?: { readonly afterMs: number } | { readonly atCall: number; readonly sent: boolean }
}

export interface Plan {
  readonly seed: number
  readonly stock: Readonly<Record<StepName, Readonly<Record<string, number>>>>
  readonly orders: ReadonlyArray<Order>
  readonly deliveries: ReadonlyArray<Delivery>
  /** When customers cancel which orders. */
  readonly cancels: ReadonlyArray<{ readonly order: number; readonly atMs: number }>
  /** What becomes of the first requests to each; later ones are answered at once. */
  readonly fates: Readonly<Record<StepName | "register", ReadonlyArray<Fate>>>
}

export const minute = 60_000
const day = 24 * 60 * minute

/** The times of a plan, in milliseconds. */
interface Times {
  readonly deadlineMs: fc.Arbitrary<number>
  /** When a request arrives, a wave starts or a wave is interrupted. */
  readonly eventMs: fc.Arbitrary<number>
}

/**
 * Everything happens within a few calls of everything else, or of the first that timed out: for
 * races.
 */
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
        { weight: 1, arbitrary: fc.constantFrom("poison", "defect") },
      ),
      arrivesMs: eventMs,
      strikes: fc.oneof(fc.constant(all), fc.nat(all)),
    }),
    { maxLength: 6 },
  )

const allFates = (times: Times): fc.Arbitrary<Plan["fates"]> =>
  fc.record({ ...forEachStep(() => fates(times)), register: fates(times) })

const delivery = ({ eventMs }: Times, orders: number): fc.Arbitrary<Delivery> =>
  fc.record({
    orders: fc.uniqueArray(
      fc.record({ order: fc.nat(orders - 1), redelivered: fc.boolean() }),
      { selector: ({ order }) => order, minLength: 1 },
    ),
    atMs: eventMs,
    stop: fc.oneof(
      fc.record({ atCall: fc.integer({ min: 1, max: 12 }), sent: fc.boolean() }),
      fc.record({ afterMs: eventMs }),
    ),
  }, { requiredKeys: ["orders", "atMs"] })

const cancels = ({ eventMs }: Times, orders: number): fc.Arbitrary<Plan["cancels"]> =>
  fc.array(fc.record({ order: fc.nat(orders - 1), atMs: eventMs }), { maxLength: 2 })

/** Mostly the same; rarely one that does not exist. */
const one = <A>(first: A, second: A, none: A) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(first) },
    { weight: 3, arbitrary: fc.constant(second) },
    { weight: 1, arbitrary: fc.constant(none) },
  )

const order = ({ deadlineMs }: Times): fc.Arbitrary<Order> =>
  fc.record({
    takes: fc.record({
      username: one("ann", "bob", "nobody"),
      amountMinor: fc.integer({ min: 1, max: 2 }),
      details: fc.record({ item: one(1, 2, 3), slot: one("09:00", "10:00", "11:00") }),
    }),
    steps: fc.oneof(
      { weight: 4, arbitrary: fc.constant(stepsInForce) },
      { weight: 1, arbitrary: fc.subarray([...stepsInForce], { minLength: 1 }) },
    ),
    deadlineMs,
  })

const anns = { username: "ann", amountMinor: 2, details: { item: 1, slot: "09:00" } }
const bobs = { username: "bob", amountMinor: 2, details: { item: 2, slot: "10:00" } }

/** So little that sagas are in each other's way, and enough that one could complete. */
const little = ({ takes }: OrderStep) => {
  const [[first, quantity], [second]] = [takes(anns), takes(bobs)]
  const most = 3 * quantity
  const some = { [first]: fc.integer({ min: 1, max: most }) }
  return fc.record(second === first ? some : { ...some, [second]: fc.nat(most) })
}

/** Up to four orders, under any fates. */
export const anyPlan = (times: Times): fc.Arbitrary<Plan> =>
  fc.integer({ min: 1, max: 4 }).chain((orders) =>
    fc.record({
      seed: fc.nat(),
      stock: fc.record(forEachStep(little)),
      orders: fc.array(order(times), { minLength: orders, maxLength: orders }),
      deliveries: fc.array(delivery(times, orders), { minLength: 1, maxLength: 4 }),
      cancels: cancels(times, orders),
      fates: allFates(times),
    })
  )

const oneOfEach = { ...anns, amountMinor: 1 }

/** Enough of each for so many orders. */
const enoughFor = (orders: number): Plan["stock"] =>
  forEachStep(({ takes }) => {
    const [resource, quantity] = takes(oneOfEach)
    return { [resource]: orders * quantity }
  })

/** An order for one of each, and no reason why it should not complete. */
export const calm = {
  seed: 0,
  stock: enoughFor(1),
  orders: [{
    takes: oneOfEach,
    steps: stepsInForce,
    deadlineMs: day,
  }],
  deliveries: [{ orders: [{ order: 0, redelivered: false }], atMs: 0 }],
  cancels: [],
  fates: { ...forEachStep(() => []), register: [] },
} as const satisfies Plan

/**
 * Two orders, whose deadlines pass, or which are cancelled, when their waves are about to complete
 * them.
 */
export const decisionRace = (against: "deadline" | "cancel"): fc.Arbitrary<Plan> =>
  fc.record({
    seed: fc.nat(),
    stock: fc.constant(enoughFor(2)),
    orders: fc.array(
      (against === "deadline" ? fc.integer({ min: 10, max: 50 }) : fc.constant(day))
        .map((deadlineMs) => ({ ...calm.orders[0], deadlineMs })),
      { minLength: 2, maxLength: 2 },
    ),
    cancels: against === "deadline" ? fc.constant([]) : fc.array(
      fc.record({ order: fc.nat(1), atMs: fc.integer({ min: 10, max: 90 }) }),
      { minLength: 1, maxLength: 3 },
    ),
    deliveries: fc.array(
      fc.record({
        orders: fc.uniqueArray(
          fc.record({ order: fc.nat(1), redelivered: fc.boolean() }),
          { selector: ({ order }) => order, minLength: 1 },
        ),
        atMs: fc.nat(60),
      }),
      { minLength: 2, maxLength: 4 },
    ),
    fates: fc.record({
      ...forEachStep(() => fc.constant<Array<Fate>>([])),
      slot: fc.array(fc.record({
        fate: fc.constant("answered"),
        arrivesMs: fc.nat(30),
        strikes: fc.constant(all),
      })),
      register: fc.array(fc.record({
        fate: fc.constantFrom("answered", "cut off"),
        arrivesMs: fc.nat(60),
        strikes: fc.constantFrom(all, 1, 2),
      })),
    }),
  })

/**
 * Orders for the same things, with enough of all but the item, of which there is one, and with
 * time.
 */
export const lastUnit = (times: Times): fc.Arbitrary<Plan> =>
  fc.integer({ min: 2, max: 5 }).chain((orders) =>
    fc.record({
      seed: fc.nat(),
      stock: fc.constant({ ...enoughFor(orders), item: calm.stock.item }),
      orders: fc.constant(Array<Order>(orders).fill(calm.orders[0])),
      deliveries: fc.array(delivery(times, orders), { minLength: 1, maxLength: 2 * orders }),
      cancels: fc.constant([]),
      fates: allFates(times),
    })
  )
