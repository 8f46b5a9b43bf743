import { assert, describe, it } from "vitest"
import { lineOf } from "#services/console/cli/load/line.ts"
import {
  customersFor,
  mostPerSecond,
  ordersOfCustomer,
  Tally,
  wishOf,
} from "#services/console/load.ts"

describe("a tally", () => {
  it("has all latencies in the totals, and those since the last sample in the live line", () => {
    const tally = new Tally()
    for (let ms = 1; ms <= 100; ms++) {
      tally.begin()
      tally.end("completed", ms)
    }
    tally.begin()
    assert.deepInclude(tally.recent(), { placed: 101, inFlight: 1, p50Ms: 51, p99Ms: 100 })
    tally.end("no answer", 5_000, "nothing answers")
    tally.end("no answer", 5_000, "another reason")
    assert.deepInclude(tally.recent(), { p50Ms: 5_000, firstTrouble: "nothing answers" })
    assert.deepInclude(tally.recent(), { perSecond: 0, p50Ms: 0 })
    assert.strictEqual(tally.sums().p50Ms, 52)
  })

  it("always shows the four intended ends, and others only where they occur", () => {
    const tally = new Tally()
    const { ends } = tally.sums()
    const sums = { ...tally.sums(), placed: 1_234, inFlight: 1_000, seconds: 83, perSecond: 20 }
    const line = "1:23  20.0/s  in flight 1,000  p50 0 ms  p99 0 ms  " +
      "completed 0  no money 0  no item 0  no slot 0"
    assert.strictEqual(lineOf(sums), line)
    assert.strictEqual(
      lineOf({ ...sums, ends: { ...ends, "no answer": 2 } }),
      `${line}  no answer 2`,
    )
  })
})

describe("the orders of a load", () => {
  it("are rejected once in ten in each of three ways, and can otherwise be completed", () => {
    const wishes = Array.from({ length: 10 }, (_, n) => wishOf(n))
    assert.lengthOf(wishes.filter(({ amount }) => amount > 100), 1)
    assert.lengthOf(wishes.filter(({ item }) => item > 10), 1)
    assert.lengthOf(wishes.filter(({ slot }) => slot > "09:00"), 1)
    const wrong = wishes.filter(({ amount, item, slot }) =>
      [amount > 100, item > 10, slot > "09:00"].filter(Boolean).length > 1
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("do not use up a customer's wallet", () => {
    for (const orders of [1, 1_000, 100_000, 1_000_000]) {
      const share = Math.ceil(orders / customersFor(orders, 1))
      assert.isAtMost(share, ordersOfCustomer)
      assert.isAtMost(share * 0.01, 100)
    }
  })

  it("have enough customers that none exceeds the rate limit", () => {
    for (const rate of [0.1, 20, 300, mostPerSecond]) {
      assert.isAtMost(rate / customersFor(rate, rate), 5)
    }
  })
})
