import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeOrderRate } from "#services/orders/order-rate.ts"

const options = { perSecond: 4, burst: 6 }

describe("the rate of a user's orders", () => {
  it("lets a burst through, and then one order per token that refills", () => {
    const rate = makeOrderRate(options)
    for (let n = 0; n < options.burst; n++) {
      expect(rate.waitMs("ann", 0, 0)).toBe(0)
      rate.take("ann", 0)
    }
    expect(rate.waitMs("ann", 0, 0)).toBe(250)
    expect(rate.waitMs("bob", 0, 0)).toBe(0)
    expect(rate.waitMs("ann", 125, 0)).toBe(125)
    expect(rate.waitMs("ann", 250, 0)).toBe(0)
    expect(rate.waitMs("ann", 250, 1)).toBe(250)
  })

  it("never exceeds a burst plus the refill, over any time", () => {
    const pause = fc.nat(500)
    fc.assert(fc.property(fc.array(pause, { maxLength: 200 }), (pauses) => {
      const rate = makeOrderRate(options)
      const taken: Array<number> = []
      let nowMs = 0
      for (const ms of pauses) {
        nowMs += ms
        if (rate.waitMs("ann", nowMs, 0) > 0) continue
        rate.take("ann", nowMs)
        taken.push(nowMs)
      }
      taken.forEach((fromMs, from) => {
        for (const [at, toMs] of taken.entries()) {
          if (at < from) continue
          const most = options.burst + (toMs - fromMs) * options.perSecond / 1000
          expect(at - from + 1).toBeLessThanOrEqual(most + 1e-6)
        }
      })
    }))
  })

  it("counts orders placed elsewhere, and those placed here only once", () => {
    const rate = makeOrderRate(options)
    for (let n = 0; n < 3; n++) rate.take("ann", 0)
    expect(rate.fast(0)).toEqual(["ann"])
    rate.placed(new Map([["ann", 5]]), 0)
    // Three placed here and two elsewhere.
    expect(rate.waitMs("ann", 0, 0)).toBe(0)
    expect(rate.waitMs("ann", 0, 1)).toBe(250)
    rate.placed(new Map([["ann", 0]]), 0)
    rate.take("ann", 0)
    rate.placed(new Map([["ann", 1]]), 0)
    expect(rate.waitMs("ann", 0, 0)).toBe(250)
  })

  it("makes a user wait for one bucket at most, however many orders were placed elsewhere", () => {
    const rate = makeOrderRate(options)
    rate.take("ann", 0)
    rate.placed(new Map([["ann", 1_000_000]]), 0)
    expect(rate.waitMs("ann", 0, 0)).toBeLessThanOrEqual(1000 * options.burst / options.perSecond)
  })

  it("keeps no bucket that is full again", () => {
    const rate = makeOrderRate(options)
    for (let n = 0; n < 10_000; n++) rate.take(`user ${n}`, n)
    // A token refills in a quarter of a second.
    expect(rate.size()).toBeLessThanOrEqual(251)
    expect(rate.waitMs("user 9999", 9_999, options.burst - 1)).toBe(250)
  })
})
