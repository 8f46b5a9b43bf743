import { Effect } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { atLength } from "#tests/support/length.ts"
import { stateOf } from "./saga-invariants.ts"
import {
  anyPlan,
  calm,
  close,
  decisionRace,
  lastUnit,
  minute,
  type Plan,
  wide,
} from "./saga-plans.ts"
import { simulate } from "./saga-simulation.ts"
import type { World } from "./saga-world.ts"

/** Lets the plan happen; when it broke an invariant, the error is what happened. */
const happen = async (plan: Plan): Promise<World> => {
  const world = await Effect.runPromise(simulate(plan))
  if (world.violations.length > 0) throw new Error(world.history.join("\n"))
  return world
}

const holds = (
  plans: fc.Arbitrary<Plan>,
  numRuns: number,
  property: (world: World) => void = () => {},
) => fc.assert(fc.asyncProperty(plans, async (plan) => property(await happen(plan))), { numRuns })

describe("for any answers, delays, interruptions and deliveries all becomes final, and no invariant breaks", () => {
  it("in races", () => holds(anyPlan(close), atLength(300, 1_200)))

  it("with what comes late", () => holds(anyPlan(wide), atLength(300, 1_200)))

  it("in races between completion and deadline", () =>
    holds(decisionRace("deadline"), atLength(250, 1_000)))

  it("in races between completion and the customer's cancel, whichever comes first", async () => {
    const seen = { "in time": 0, "too late": 0 }
    await holds(decisionRace("cancel"), atLength(250, 1_000), ({ cancelled }) => {
      for (const came of cancelled.values()) seen[came]++
    })
    // Else only one order of events was tried.
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(10)
  })
})

describe("for any sagas that compete for the last unit exactly one completes", () => {
  const oneWinner = ({ statuses }: World) => {
    const ends = [...statuses.values()].sort()
    expect(ends).toEqual(["completed", ...Array(ends.length - 1).fill("failed")])
  }

  it("in races", () => holds(lastUnit(close), atLength(100, 300), oneWinner))

  it("with what comes late", () => holds(lastUnit(wide), atLength(100, 300), oneWinner))
})

it.each([{ redelivered: true }, { redelivered: false }])(
  "a run that attempts nothing for its deadline gives back what an earlier run reserved: %o",
  async ({ redelivered }) => {
    const world = await happen({
      ...calm,
      orders: [{ ...calm.orders[0], deadlineMs: minute }],
      deliveries: [
        // Its fourth request, complete, is never sent.
        { ...calm.deliveries[0], stop: { atCall: 4, sent: false } },
        { orders: [{ order: 0, redelivered }], atMs: minute },
      ],
    })
    expect(world.history).toContain("1 ms: wave 1: reserve slot of order 0: reserved (answered)")
    expect(world.history).not.toContainEqual(expect.stringMatching(/wave 2: reserve/))
    expect(stateOf(world)).toEqual({
      statuses: { "order 0": "failed" },
      money: { ann: 1, "order 0": "cancelled" },
      item: { "1": 1, "order 0": "cancelled" },
      slot: { "09:00": 1, "order 0": "cancelled" },
    })
  },
)
