/**
 * A race: several orders, each on its own orchestrator, want the last unit at the same time.
 * Nothing takes time, so the next event is always a choice. Courses with a limited number of
 * deviations from a simple course are tried, each from the start. One order wins, and the others
 * are undone.
 */
import { judge, type Simulate } from "../judge.ts"
import type { KernelOptions } from "../kernel.ts"
import { type Plan, replicas } from "../plan.ts"
import { itemIds, slotTimes, usernames } from "../wish.ts"
import { participants, refusals } from "../services.ts"
import type { Simulation } from "../simulate.ts"
import type { Violation } from "../world.ts"
import { byText, type Choice, Choices, type Pace, type State } from "./choices.ts"

export const contested = ["coin", "item", "slot"] as const

export const fields = [2, 3, 4] as const

export interface Race {
  readonly orders: typeof fields[number]
  /** The resource with only one unit. */
  readonly last: typeof contested[number]
  readonly pace: Pace
}

/** The choice at which a course deviates, counted from 0, and the event that happens instead. */
export interface Deviation {
  readonly at: number
  readonly chosen: number
}

/** When the orchestrators begin. Each has taken one order by then. */
const startAtMs = 1_500
const wishesAtMs = 100

export const planOf = ({ orders, last }: Race): Plan => ({
  seed: 1,
  replicas: { ...replicas, orders: 1, orchestrator: orders },
  sagasInFlight: 1,
  deadlineMs: 60_000,
  wallet: last === "coin" ? 10_00 : orders * 10_00,
  stock: last === "item" ? 1 : orders,
  capacity: last === "slot" ? 1 : orders,
  wishes: Array.from({ length: orders }, (_, n) => ({
    username: last === "coin" ? usernames[0]! : usernames[n % usernames.length]!,
    amountMinor: 10_00,
    item: Number(last === "item" ? itemIds[0] : itemIds[n % itemIds.length]),
    slot: last === "slot" ? slotTimes[0]! : slotTimes[n % slotTimes.length]!,
    atMs: wishesAtMs,
    repeats: [],
  })),
  pointFaults: Array.from({ length: orders }, (_, n) => ({
    point: "failpoint orchestrator.taken",
    nth: n + 1,
    fault: "stall",
    forMs: startAtMs - wishesAtMs,
  })),
  timedFaults: [],
})

/** The result of a course. */
export interface Raced {
  readonly violations: ReadonlyArray<Violation>
  /** The number of events at each choice. */
  readonly counts: ReadonlyArray<number>
  /** The choices from `tellFrom` on. */
  readonly told: ReadonlyArray<Choice>
  /** The state at the end. */
  readonly end: State
}

export interface RaceOptions {
  readonly trace?: (line: string) => void
  /** From this choice on, `told` has the choices. */
  readonly tellFrom?: number
}

/** Runs one course of a race. Rejects with a RangeError if the race has no such course. */
export const runRace = async (
  simulate: Simulate,
  race: Race,
  deviations: ReadonlyArray<Deviation>,
  { trace, tellFrom = Infinity }: RaceOptions = {},
): Promise<Raced> => {
  const choices = new Choices(race.pace, tellFrom)
  const chosenAt = new Map(deviations.map(({ at, chosen }) => [at, chosen]))
  const choose: KernelOptions["choose"] = (events, atMs) => {
    if (atMs !== startAtMs) return events.indexOf(events.toSorted(byText)[0]!)
    return events.indexOf(choices.next(events, chosenAt.get(choices.counts.length)))
  }
  const simulateRace: Simulate = async (plan, options) => {
    const simulation = await simulate(plan, { ...options, choose, inNoTime: true })
    if (simulation.violations.length === 0) checkWinner(race, simulation)
    return simulation
  }
  const { violations } = await judge(simulateRace, planOf(race), trace)
  const { counts, told } = choices
  if (deviations.some(({ at, chosen }) => chosen >= (counts[at] ?? 0))) {
    throw new RangeError("The race has no course with such deviations")
  }
  return { violations, counts, told, end: choices.state([]) }
}

const checkWinner = ({ orders, last }: Race, simulation: Simulation): void => {
  const { world } = simulation
  world.check(
    world.faults.get("failpoint: stall") === orders,
    "the simulator itself",
    () => "the orders did not set out at the same moment",
  )
  const winners = simulation.orders.filter(({ status }) => status === "completed")
  world.check(winners.length === 1, "one winner", () => `${winners.length} of the orders won`)
  const refusal = refusals[participants[contested.indexOf(last)]!]
  for (const { id, status, reason } of simulation.orders) {
    world.check(
      status === "completed" || reason === refusal,
      "one winner",
      () => `order ${id} failed for "${reason}", not for "${refusal}"`,
    )
  }
}
