/**
 * Some orders want the last of something at the same moment, each on an orchestrator of its own, and nothing takes any
 * time: whatever is under way is a choice of what happens next. All courses are tried that deviate from one simple course
 * at so many choices, by letting it happen again and again: one wins, and the others are undone.
 */
import { judge, type Simulate } from "../judge.ts"
import type { Upcoming } from "../kernel.ts"
import { itemIds, type Plan, slotTimes, usernames } from "../plan.ts"
import { participants, refusals } from "../services.ts"
import type { Simulation } from "../simulate.ts"
import type { Violation } from "../world.ts"

export const contested = ["coin", "item", "slot"] as const

/** What happens when nothing else is chosen: of all that is under way, the oldest or the newest. */
export const paces = ["oldest first", "newest first"] as const

export const fields = [2, 3, 4] as const

export interface Race {
  readonly orders: typeof fields[number]
  /** Of what there is only one. */
  readonly last: typeof contested[number]
  readonly pace: typeof paces[number]
}

/** At which choice, counted from 0, the course deviates, and which of the events, oldest first, happens instead. */
export interface Deviation {
  readonly at: number
  readonly chosen: number
}

/** When the orchestrators, which have taken one order each by then, set out. */
const startAtMs = 1_500
const wishesAtMs = 100

export const planOf = ({ orders, last }: Race): Plan => ({
  seed: 1,
  replicas: { orders: 1, orchestrator: orders, billing: 1, items: 1, slots: 1 },
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

export interface Course {
  readonly violations: ReadonlyArray<Violation>
  /** Among how many events each choice was. */
  readonly choices: ReadonlyArray<number>
}

/** Lets a race take one course. Fails with a RangeError when it has no such course. */
export const runRace = async (
  simulate: Simulate,
  race: Race,
  deviations: ReadonlyArray<Deviation>,
  trace?: (line: string) => void,
): Promise<Course> => {
  const choices: Array<number> = []
  const chosenAt = new Map(deviations.map(({ at, chosen }) => [at, chosen]))
  const choose = (events: ReadonlyArray<Upcoming>, atMs: number) => {
    if (atMs !== startAtMs) return 0
    const unnoticed = events.findIndex((event) => isUnnoticed(event, events))
    if (unnoticed !== -1) return unnoticed
    const at = choices.push(events.length) - 1
    const chosen = chosenAt.get(at) ?? usual(race, events.length)
    return Math.min(chosen, events.length - 1)
  }
  const simulateRace: Simulate = async (plan, options) => {
    const simulation = await simulate(plan, { ...options, choose, inNoTime: true })
    if (simulation.violations.length === 0) checkWinner(race, simulation)
    return simulation
  }
  const { violations } = await judge(simulateRace, planOf(race), trace)
  if (deviations.some(({ at, chosen }) => chosen >= (choices[at] ?? 0))) {
    throw new RangeError("The race has no course with such deviations")
  }
  return { violations, choices }
}

/** Whether it makes no difference when it happens: an orchestrator goes on that waits for nothing else. */
const isUnnoticed = ({ process }: Upcoming, events: ReadonlyArray<Upcoming>): boolean =>
  process?.service === "orchestrator" &&
  events.filter((event) => event.process === process).length === 1

const usual = ({ pace }: Race, count: number) => pace === "oldest first" ? 0 : count - 1

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

export interface Explored {
  /** How many courses the race took. */
  readonly courses: number
  readonly broken:
    | { readonly deviations: ReadonlyArray<Deviation>; readonly violations: Course["violations"] }
    | undefined
}

/** Tries a course and all that deviate from it later on, at `more` choices at most. Stops at a violation. */
export const explore = async (
  simulate: Simulate,
  race: Race,
  from: ReadonlyArray<Deviation>,
  more: number,
): Promise<Explored> => {
  const untried: Array<ReadonlyArray<Deviation>> = [from]
  let courses = 0
  for (let next = untried.pop(); next !== undefined; next = untried.pop()) {
    const { violations, choices } = await runRace(simulate, race, next)
    courses++
    if (violations.length > 0) return { courses, broken: { deviations: next, violations } }
    if (next.length < from.length + more) untried.push(...deviating(race, next, choices))
  }
  return { courses, broken: undefined }
}

/** The courses that deviate at one more choice, later than those before. */
export const deviating = (
  race: Race,
  deviations: ReadonlyArray<Deviation>,
  choices: Course["choices"],
): ReadonlyArray<ReadonlyArray<Deviation>> => {
  const first = (deviations.at(-1)?.at ?? -1) + 1
  return choices.slice(first).flatMap((count, n) =>
    Array.from({ length: count }, (_, chosen) => chosen)
      .filter((chosen) => chosen !== usual(race, count))
      .map((chosen) => [...deviations, { at: first + n, chosen }])
  )
}

/** How many courses deviate at `more` of such choices at most, if none of them leads to other choices. */
export const countDeviating = (choices: Course["choices"], more: number): number => {
  const others = choices.reduce((sum, count) => sum + count - 1, 0)
  let count = 1
  for (let n = 1, so = 1; n <= more; n++) count += so *= (others - n + 1) / n
  return count
}
