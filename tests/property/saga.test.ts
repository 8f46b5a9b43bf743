/**
 * Under any answers, delays, interruptions and deliveries all sagas become final, and no invariant
 * breaks. The sagas run in the world of `npm run simulate`, whose invariants watch every commit and
 * every request. Only the plans differ: here they are small, and their faults are close together.
 * So few plans find a broken invariant, and fast-check shrinks them to a minimal one.
 */
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { timedOut } from "#shared/contracts/order-state.ts"
import type { Plan } from "#tests/instruments/simulation/plan.ts"
import { planText } from "#tests/instruments/simulation/plan-text.ts"
import { violationText } from "#tests/instruments/simulation/report.ts"
import { simulate, type Simulation } from "#tests/instruments/simulation/simulate.ts"
import { atLength } from "#tests/support/length.ts"
import { anyPlan, close, decisionRace, heldUp, lastUnit, late, wide } from "./saga-plans.ts"

// Errors are values in a simulation. Nobody reads their stacks, which take an eighth of the time.
const { stackTraceLimit } = Error
beforeAll(() => void (Error.stackTraceLimit = 0))
afterAll(() => void (Error.stackTraceLimit = stackTraceLimit))

/** Lets a plan happen. A broken invariant is an error with the plan and its history. */
const happen = async (plan: Plan): Promise<Simulation> => {
  const simulation = await simulate(plan)
  const { violations } = simulation
  if (violations.length > 0) {
    const history = await historyOf(plan)
    throw new Error([violationText(violations), planText(plan), "History", ...history].join("\n"))
  }
  return simulation
}

/** Tracing takes time, so it is done again, and only if needed: the history is the same. */
const historyOf = async (plan: Plan): Promise<ReadonlyArray<string>> => {
  const history: Array<string> = []
  await simulate(plan, { trace: (line) => history.push(line) })
  return history
}

const holds = (
  plans: fc.Arbitrary<Plan>,
  numRuns: number,
  property: (simulation: Simulation) => void = () => {},
) => fc.assert(fc.asyncProperty(plans, async (plan) => property(await happen(plan))), { numRuns })

/** Counts how orders ended: a race that always ends the same way is not a test. */
const ends = () => {
  const seen = new Map<string, number>()
  return {
    count: ({ orders }: Simulation) => {
      for (const { status } of orders) seen.set(status, (seen.get(status) ?? 0) + 1)
    },
    rarest: () => Math.min(...["completed", "failed"].map((status) => seen.get(status) ?? 0)),
  }
}

describe("under any faults all becomes final, and no invariant breaks", () => {
  it("in races", () => holds(anyPlan(close), atLength(100, 1_000)))

  it("with what comes late", () => holds(anyPlan(wide), atLength(60, 600)))

  it.each(["deadline", "cancel"] as const)(
    "in races between the completion and the %s, whichever comes first",
    async (against) => {
      const { count, rarest } = ends()
      await holds(decisionRace(against), atLength(50, 600), count)
      expect(rarest()).toBeGreaterThan(10)
    },
  )
})

describe("of any sagas that compete for the last unit exactly one completes", () => {
  const oneWinner = ({ orders }: Simulation) => {
    const statuses = orders.map(({ status }) => status).sort()
    expect(statuses).toEqual(["completed", ...Array(orders.length - 1).fill("failed")])
  }

  it("in races", () => holds(lastUnit(close), atLength(30, 300), oneWinner))

  it("with what comes late", () => holds(lastUnit(wide), atLength(30, 300), oneWinner))
})

it("a participant that is away holds up only the sagas that need it", () =>
  holds(heldUp, atLength(4, 30)))

it.each([{ redelivered: true }, { redelivered: false }])(
  "a run that attempts nothing for its deadline gives back what an earlier run reserved: %o",
  async ({ redelivered }) => {
    const { orders } = await happen(late(redelivered))
    expect(orders).toMatchObject([{ status: "failed", reason: timedOut }])
    const history = (await historyOf(late(redelivered))).join("\n")
    const [earlier, later] = history.split(/orchestrator-\d crashed/)
    expect(later).not.toContain(`"action":"reserve"`)
    for (const name of ["slots", "items", "billing"]) {
      expect(earlier).toMatch(new RegExp(`${name} of \\S+: nothing -> reserved`))
      expect(later).toMatch(new RegExp(`${name} of \\S+: reserved -> cancelled`))
    }
  },
)
