import { assert, describe, it } from "@effect/vitest"
import { differences, endingOf, scenario } from "#services/console/cli/demo/scenario.ts"
import { orderWith, reserve, withoutSlot } from "../orders.ts"

const [noSlot, , , success] = scenario

describe("scenario", () => {
  it("ends orders in every way except a timeout", () => {
    assert.deepStrictEqual(
      scenario.map(({ ending }) => [ending.status, ending.reason, ending.wallet]),
      [
        ["failed", "Can not get the delivery slot", 100],
        ["failed", "Can not reserve the item", 100],
        ["failed", "Not enough money", 100],
        ["completed", null, 0],
      ],
    )
  })
})

describe("differences", () => {
  it("is empty when everything is as expected", () => {
    assert.deepStrictEqual(differences(noSlot!.ending, endingOf(withoutSlot, 100)), [])
  })

  it("states the expected and the actual value for each expectation that does not hold", () => {
    const order = orderWith([reserve("money"), reserve("item", "rejected")], {
      status: "compensating",
      reason: "Can not reserve the item",
    })
    assert.deepStrictEqual(differences(success!.ending, endingOf(order, 0.5)), [
      "status: expected completed, but got compensating",
      "reason: expected none, but got Can not reserve the item",
      "steps: expected money reserved, item reserved, slot reserved, but got money reserved, item rejected",
      "wallet: expected 0, but got 0.5",
    ])
  })

  it("finds money that was given back before the item", () => {
    const timeline = [
      ...withoutSlot.timeline.slice(0, 3),
      ...withoutSlot.timeline.slice(3).reverse(),
    ]
    const [difference, ...others] = differences(
      noSlot!.ending,
      endingOf({ ...withoutSlot, timeline }, 100),
    )
    assert.include(difference, "slot rejected, money given back, item given back")
    assert.deepStrictEqual(others, [])
  })

  it("distinguishes a refused reserve of a cancelled order from a revert", () => {
    const order = orderWith([reserve("money", "cancelled")])
    assert.deepStrictEqual(endingOf(order, 100).steps, ["money cancelled"])
  })

  it("calls an empty list none", () => {
    const [, , steps] = differences(success!.ending, endingOf(orderWith([]), 0))
    assert.isUndefined(steps)
    assert.include(differences(success!.ending, endingOf(orderWith([]), 0))[1], "but got none")
  })
})
