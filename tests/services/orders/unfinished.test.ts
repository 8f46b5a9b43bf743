import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeUnfinished, type Unfinished } from "#services/orders/unfinished.ts"

const username = fc.constantFrom("ann", "bob", "cy")
/** An event at the orders of two replicas, and whether one of them learns of it. */
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("stored here" as const), username) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("stored elsewhere" as const), username) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom("ended" as const, "ended unannounced" as const), fc.nat()),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("missed" as const, "counted" as const)) },
)
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never

const countsOf = (orders: Iterable<string>) => {
  const users = new Map<string, number>()
  for (const username of orders) users.set(username, (users.get(username) ?? 0) + 1)
  return { total: [...users.values()].reduce((sum, count) => sum + count, 0), users }
}

/** The true orders, beside a replica's count of them. */
const world = (unfinished: Unfinished) => {
  const orders = new Map<string, string>()
  let made = 0
  const take = (step: Step) => {
    switch (step[0]) {
      case "stored here":
      case "stored elsewhere": {
        const id = `${made++}`
        orders.set(id, step[1])
        if (step[0] === "stored here") unfinished.stored([{ id, username: step[1] }])
        return
      }
      case "ended":
      case "ended unannounced": {
        const id = [...orders.keys()][step[1] % orders.size]
        if (id === undefined) return
        orders.delete(id)
        if (step[0] === "ended") unfinished.ended([id, id])
        return
      }
      case "missed":
        return unfinished.missedSome()
      case "counted":
        return unfinished.counting()(countsOf(orders.values()))
    }
  }
  return { take, orders }
}

const known = (unfinished: Unfinished) => ({
  total: unfinished.total(),
  users: new Map(
    ["ann", "bob", "cy"].map((name) => [name, unfinished.of(name)] as const)
      .filter(([, count]) => count > 0),
  ),
})

const sorted = ({ total, users }: ReturnType<typeof countsOf>) => ({
  total,
  users: [...users].sort(),
})

describe("a replica's count of unfinished orders", () => {
  it("is exact while all orders are its own and every end is announced", () => {
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 100 }), (steps) => {
      const unfinished = makeUnfinished(1_000)
      const { take, orders } = world(unfinished)
      for (const step of steps) {
        if (["stored here", "ended", "counted"].includes(step[0])) take(step)
        expect(sorted(known(unfinished))).toEqual(sorted(countsOf(orders.values())))
      }
    }))
  })

  it("is exact after each count, whatever others stored and whichever ends were missed", () => {
    fc.assert(fc.property(fc.array(anyStep, { maxLength: 100 }), (steps) => {
      const unfinished = makeUnfinished(1_000)
      const { take, orders } = world(unfinished)
      steps.forEach(take)
      take(["counted"])
      expect(sorted(known(unfinished))).toEqual(sorted(countsOf(orders.values())))
    }))
  })

  it("includes orders stored during a count; the next count removes any surplus", () => {
    const one = { id: "1", username: "ann" }
    for (const seen of [true, false]) {
      const unfinished = makeUnfinished(1_000)
      const counted = unfinished.counting()
      unfinished.stored([one])
      counted(countsOf(seen ? ["ann"] : []))
      expect(unfinished.of("ann")).toBe(seen ? 2 : 1)
      unfinished.counting()(countsOf(["ann"]))
      expect(unfinished.of("ann")).toBe(1)
      unfinished.ended(["1"])
      expect(known(unfinished)).toEqual({ total: 0, users: new Map() })
    }
  })

  it("remembers the users of a limited number of orders", () => {
    const unfinished = makeUnfinished(2)
    unfinished.stored(["1", "2", "3"].map((id) => ({ id, username: "ann" })))
    unfinished.ended(["1"])
    expect(unfinished.of("ann")).toBe(3)
    unfinished.ended(["2", "3"])
    expect(unfinished.of("ann")).toBe(1)
  })
})
