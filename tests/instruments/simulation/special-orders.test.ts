/** Orders of an earlier version of the saga, poison orders, and callees that fail on one order. */
import { describe, expect, it } from "vitest"
import { type OrderFault, orderFaults, type Plan, replicas, type TimedFault } from "./plan.ts"
import { poison, type Wish } from "./wish.ts"
import { simulate } from "./simulate.ts"
import { rows } from "./tables/database.ts"
import { reservations } from "./tables/reservation-tables.ts"

const wish: Wish = {
  username: "ann",
  amountMinor: 10_00,
  item: 1,
  slot: "00:00",
  atMs: 500,
  repeats: [],
}
const plan: Plan = {
  seed: 1,
  // All orders are placed by then, so they are one wave.
  orchestratorsAtMs: 1_000,
  replicas: { ...replicas, orders: 1, orchestrator: 1 },
  deadlineMs: 120_000,
  wallet: 100_00,
  stock: 10,
  capacity: 10,
  wishes: [],
  pointFaults: [],
  timedFaults: [],
}

/** The status of each order and its outcome at each participant, in the order of the wishes. */
const outcome = async (given: Partial<Plan> & Pick<Plan, "wishes">) => {
  const { violations, orders, tookMs, databases } = await simulate({ ...plan, ...given })
  expect(violations).toEqual([])
  const outcomeAt = (name: "billing" | "items" | "slots", id: string) =>
    rows(databases[name], reservations).find(({ orderId }) => orderId === id)?.outcome
  const of = new Map(
    orders.map(({ id, amountMinor, status }) => [
      amountMinor,
      [status, outcomeAt("billing", id), outcomeAt("items", id), outcomeAt("slots", id)],
    ]),
  )
  return { orders: given.wishes.map(({ amountMinor }) => of.get(amountMinor)), tookMs }
}

const completed = ["completed", "reserved", "reserved", "reserved"]
const others: ReadonlyArray<Wish> = [{ ...wish, amountMinor: 5_00 }, { ...wish, amountMinor: 6_00 }]

describe("an order of an earlier version", () => {
  it("goes through the steps that it was accepted with, beside others that have all steps", async () => {
    const wishes = [
      ...others,
      { ...wish, amountMinor: 7_00, steps: ["money", "slot"] as const },
      { ...wish, amountMinor: 8_00, steps: ["item"] as const },
    ]
    const { orders } = await outcome({ wishes })
    expect(orders).toEqual([
      completed,
      completed,
      ["completed", "reserved", undefined, "reserved"],
      ["completed", undefined, "reserved", undefined],
    ])
  })

  it("keeps its steps when it is published again", async () => {
    const wishes = [{ ...wish, steps: ["money"] as const }]
    const { orders } = await outcome({
      wishes,
      pointFaults: [{ point: "queue publish", nth: 1, fault: "command lost", forMs: 0 }],
    })
    expect(orders).toEqual([["completed", "reserved", undefined, undefined]])
  })

  it("does not wait for a participant that it does not need", async () => {
    const away: TimedFault = { fault: "crash", process: "slots-1", atMs: 100, forMs: 100_000 }
    const wishes = [{ ...wish, steps: ["money", "item"] as const }]
    const { orders, tookMs } = await outcome({ wishes, timedFaults: [away] })
    expect(orders).toEqual([["completed", "reserved", "reserved", undefined]])
    expect(tookMs).toBeLessThan(15_000)
  })
})

describe("an order that is poison to a participant", () => {
  const poisonous = { ...wish, amountMinor: 9_00, item: Number(poison.items) }

  it("holds up no other, and waits for a person until its deadline", async () => {
    const { orders, tookMs } = await outcome({ wishes: [poisonous, ...others] })
    expect(orders).toEqual([["pending", "reserved", undefined, undefined], completed, completed])
    expect(tookMs).toBeLessThan(15_000)
  })

  it("is undone after its deadline, down to the participant that refuses it", async () => {
    const { orders } = await outcome({ wishes: [poisonous, ...others], deadlineMs: 6_000 })
    expect(orders).toEqual([
      ["compensating", "reserved", undefined, "cancelled"],
      completed,
      completed,
    ])
  })

  it("fails like any other if an earlier step rejects it", async () => {
    const { orders } = await outcome({ wishes: [{ ...poisonous, amountMinor: 200_00 }] })
    expect(orders).toEqual([["failed", "rejected", undefined, undefined]])
  })

  it("is found beside other poison", async () => {
    const poisoned = Array.from({ length: 4 }, (_, n) => ({ ...poisonous, amountMinor: 900 + n }))
    const { orders } = await outcome({ wishes: [...poisoned, ...others] })
    expect(orders.slice(-2)).toEqual([completed, completed])
  })
})

describe("a callee", () => {
  const fault = (fault: TimedFault["fault"], process: string, forMs = 20_000): TimedFault => ({
    fault,
    process,
    atMs: 0,
    forMs,
  })

  it("that refuses its callers is asked again until it does not", async () => {
    const timedFaults = [fault("refuses its callers", "items-1")]
    const { orders, tookMs } = await outcome({ wishes: others, timedFaults })
    expect(orders).toEqual([completed, completed])
    expect(tookMs).toBeGreaterThan(20_000)
  })

  for (const name of Object.keys(orderFaults) as ReadonlyArray<OrderFault>) {
    it(`that ${name} holds up no other`, async () => {
      const timedFaults = [fault(name, "items-1", 40_000)]
      const wishes = [...others, { ...wish, amountMinor: 7_00 }]
      const { orders } = await outcome({ wishes, timedFaults, deadlineMs: 30_000 })
      const failed = ["failed", "cancelled", "cancelled", "cancelled"]
      expect(orders.filter((order) => order?.[0] === "completed")).toEqual([completed, completed])
      expect(orders).toContainEqual(failed)
    })
  }
})
