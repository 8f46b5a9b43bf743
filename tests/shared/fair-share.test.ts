import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fairShare } from "#shared/fair-share.ts"

/** How much each of these holders gets when all take as much as they can, in turns. */
const greedy = (most: number, part: number, holders: ReadonlyArray<string>) => {
  const quota = fairShare({ most, part })
  const got = new Map(holders.map((holder) => [holder, 0]))
  for (let any = true; any;) {
    any = false
    for (const holder of holders) {
      if (quota.take(holder) !== "room") continue
      got.set(holder, got.get(holder)! + 1)
      any = true
    }
  }
  return { quota, got: [...got.values()] }
}

describe("fairShare", () => {
  it("leaves a part to others when one holder takes all that it can", () => {
    const { quota, got: [one] } = greedy(1_000, 1 / 10, ["one"])
    expect(one).toBe(91)
    expect(quota.roomFor("one")).toBe("over share")
    expect(quota.roomFor("another")).toBe("room")
  })

  it("gives greedy holders equal shares, and always leaves something for one more", () => {
    fc.assert(fc.property(
      fc.integer({ min: 100, max: 2_000 }),
      fc.constantFrom(1 / 10, 1 / 4, 1),
      fc.integer({ min: 1, max: 12 }),
      (most, part, count) => {
        const holders = Array.from({ length: count }, (_, n) => `${n}`)
        const { quota, got } = greedy(most, part, holders)
        expect(Math.max(...got) - Math.min(...got)).toBeLessThanOrEqual(1)
        expect(most - quota.size()).toBeGreaterThanOrEqual(Math.floor(most / (1 + part * count)))
        expect(quota.take("newcomer")).toBe("room")
      },
    ))
  })

  it("can be used up by holders of one each, and is then full", () => {
    const quota = fairShare({ most: 3, part: 1 / 10 })
    for (const holder of ["a", "b", "c"]) expect(quota.take(holder)).toBe("room")
    expect(quota.take("d")).toBe("full")
    expect(quota.take("a")).toBe("full")
    quota.giveBack("b")
    expect(quota.take("a")).toBe("over share")
    expect(quota.take("d")).toBe("room")
  })

  it("counts what is taken and given back, and nothing that was not taken", () => {
    const holder = fc.constantFrom("a", "b", "c")
    const step = fc.tuple(fc.boolean(), holder)
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const quota = fairShare({ most: 10, part: 1 / 2 })
      const held: Record<string, number> = { a: 0, b: 0, c: 0 }
      for (const [takes, holder] of steps) {
        if (!takes) {
          quota.giveBack(holder)
          held[holder] = Math.max(0, held[holder]! - 1)
        } else if (quota.take(holder) === "room") held[holder]!++
        const all = Object.values(held).reduce((sum, count) => sum + count, 0)
        expect(quota.size()).toBe(all)
        expect(all).toBeLessThanOrEqual(10)
      }
    }))
  })
})
