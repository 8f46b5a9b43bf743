/** The events of a flood: the audit trail keeps some one by one, and counts the rest. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { makeTrailBounds, type TrailEntry, type TrailEvent } from "#services/auth/trail-bounds.ts"

const refused = (n: number): TrailEvent => ({
  event: "log-in",
  outcome: "refused",
  reason: "wrong_credentials",
  address: `address ${n}`,
})
const sum = (entries: ReadonlyArray<TrailEntry>) =>
  entries.reduce((sum, { count }) => sum + count, 0)

describe("the bounds of the audit trail", () => {
  it("keep ten similar events a minute, and count the others", () => {
    const bounds = makeTrailBounds()
    const kept = Array.from({ length: 500 }, (_, n) => bounds.admit(refused(1), n)).flat()
    assert.strictEqual(kept.length, 10)
    assert.isTrue(kept.every(({ count }) => count === 1))
    const [first, next, ...others] = bounds.admit(refused(1), 60_000)
    assert.deepStrictEqual(first, { ...refused(1), atMs: 499, count: 490 })
    assert.deepStrictEqual(next, { ...refused(1), atMs: 60_000, count: 1 })
    assert.deepStrictEqual(others, [])
  })

  it("keep few rows of a flood from ever new addresses, with counts in place of addresses", () => {
    const bounds = makeTrailBounds()
    const anHour = Array.from({ length: 60 * 600 }, (_, n) => bounds.admit(refused(n), n * 100))
      .flat()
    const { length } = anHour
    assert.isBelow(length, 1_000 + 60 * 20)
    const counted = anHour.filter(({ count }) => count > 1)
    assert.isAbove(counted.length, 0)
    for (const { address } of counted) assert.isUndefined(address)
    assert.strictEqual(sum(anHour) + sum(bounds.close()), 60 * 600)
  })

  it("do not let a flood of one kind of event hide another kind", () => {
    const bounds = makeTrailBounds()
    for (let n = 0; n < 100_000; n++) bounds.admit(refused(n), n)
    const change = { event: "password-change", outcome: "done", username: "ann" } as const
    assert.deepInclude(bounds.admit(change, 100_000), { ...change, atMs: 100_000, count: 1 })
  })

  it("lose and invent no event, even when the clock is set", () => {
    const event = fc.record({
      event: fc.constantFrom("log-in", "refresh"),
      outcome: fc.constantFrom("done", "refused"),
      address: fc.constantFrom("a", "b", "c"),
    })
    const steps = fc.array(fc.tuple(event, fc.integer({ min: -70_000, max: 70_000 })))
    fc.assert(fc.property(steps, (steps) => {
      const bounds = makeTrailBounds()
      let nowMs = 1_000_000
      const entries = steps.flatMap(([event, passedMs]) => bounds.admit(event, nowMs += passedMs))
      assert.strictEqual(sum([...entries, ...bounds.close()]), steps.length)
    }))
  })
})
