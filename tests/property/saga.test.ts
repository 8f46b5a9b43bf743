import { Effect } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { stateOf } from "./saga-invariants.ts"
import {
  type Delivery,
  type Fate,
  type Order,
  type Plan,
  simulate,
  type World,
} from "./saga-world.ts"

const minute = 60_000
const day = 24 * 60 * minute

/** The times of a plan, in milliseconds. */
interface Times {
  readonly deadlineMs: fc.Arbitrary<number>
  /** When a message arrives, a run starts or a run is interrupted. */
  readonly eventMs: fc.Arbitrary<number>
}

/** Everything happens within a few calls of everything else, or of the first that timed out: for races. */
const close: Times = {
  deadlineMs: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: 5_000, max: 5_300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 10_000, max: 10_300 }) },
    { weight: 2, arbitrary: fc.constant(day) },
  ),
  eventMs: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 0, max: 200 }),
  ),
}

/** From at once to minutes after the callers gave up: for what comes late. */
const wide: Times = {
  deadlineMs: fc.constantFrom(0, 1_000, 10_000, 2 * minute, day, day),
  eventMs: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: 300, max: 10_000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 10_000, max: 5 * minute }) },
  ),
}

const allFates = ({ eventMs }: Times): fc.Arbitrary<Plan["fates"]> => {
  const fate: fc.Arbitrary<Fate> = fc.record({
    fate: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom("answered", "refused", "cut off", "lost") },
      { weight: 1, arbitrary: fc.constant("nonsense") },
    ),
    arrivesMs: eventMs,
  })
  const fates = fc.array(fate, { maxLength: 6 })
  return fc.record({ money: fates, item: fates, slot: fates, register: fates })
}

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
  fc.record({
    [first]: fc.integer({ min: 1, max: most }),
    [second]: fc.integer({ min: 0, max: most }),
  })

const planOf = (times: Times): fc.Arbitrary<Plan> =>
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

const anOrder = {
  takes: {
    money: { resource: "ann", quantity: 1 },
    item: { resource: "1", quantity: 1 },
    slot: { resource: "09:00", quantity: 1 },
  },
}

/** Any number of orders for one thing of which there is one, with enough of all else, and time. */
const lastUnit = (times: Times): fc.Arbitrary<Plan> =>
  fc.integer({ min: 2, max: 4 }).chain((orders) =>
    fc.record({
      seed: fc.nat(),
      stock: fc.constant({ money: { ann: 10 }, item: { "1": 1 }, slot: { "09:00": 10 } }),
      orders: fc.constant(
        Array<Order>(orders).fill({
          takes: {
            money: { resource: "ann", quantity: 1 },
            item: { resource: "1", quantity: 1 },
            slot: { resource: "09:00", quantity: 1 },
          },
          deadlineMs: day,
        }),
      ),
      deliveries: fc.array(delivery(times, orders), { minLength: orders, maxLength: 3 * orders }),
      fates: allFates(times),
    })
  )

/** Lets the plan happen; when it broke an invariant, the error is what happened. */
const happen = async (plan: Plan): Promise<World> => {
  const world = await Effect.runPromise(simulate(plan))
  if (world.violations.length > 0) throw new Error(world.history.join("\n"))
  return world
}

const holds = (plan: fc.Arbitrary<Plan>, property: (world: World) => void, numRuns: number) =>
  fc.assert(fc.asyncProperty(plan, async (plan) => property(await happen(plan))), { numRuns })

describe("for any stocks, answers, interruptions and deliveries, no invariant breaks and all is final", () => {
  it("in races", () => holds(planOf(close), () => {}, 250))

  it("with what comes late", () => holds(planOf(wide), () => {}, 250))
})

it("what an earlier run reserved is given back by a run that attempts nothing for its deadline", async () => {
  for (const redelivered of [true, false]) {
    const world = await happen({
      seed: 0,
      stock: { money: { ann: 1 }, item: { "1": 1 }, slot: { "09:00": 1 } },
      orders: [{ ...anOrder, deadlineMs: minute }],
      deliveries: [
        // Its complete, the fourth call, is never sent.
        { order: 0, atMs: 0, redelivered: false, stop: { atCall: 4, sent: false } },
        { order: 0, atMs: minute, redelivered },
      ],
      fates: { money: [], item: [], slot: [], register: [] },
    })
    expect(world.history).toContain("1 ms: run 1: reserve slot of order 0: reserved (answered)")
    expect(world.history).not.toContainEqual(expect.stringMatching(/run 2: reserve/))
    expect(stateOf(world)).toEqual({
      statuses: { "order 0": "failed" },
      money: { ann: 1, "order 0": "cancelled" },
      item: { "1": 1, "order 0": "cancelled" },
      slot: { "09:00": 1, "order 0": "cancelled" },
    })
  }
})

describe("for any number of sagas that compete for the last unit, exactly one completes", () => {
  const oneWinner = ({ statuses }: World) => {
    const ends = [...statuses.values()].sort()
    expect(ends).toEqual(["completed", ...Array(ends.length - 1).fill("failed")])
  }

  it("in races", () => holds(lastUnit(close), oneWinner, 100))

  it("with what comes late", () => holds(lastUnit(wide), oneWinner, 100))
})
