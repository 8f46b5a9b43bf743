/** The exhaustive search in pieces that threads can work on, and how each piece is done. */
import type { Simulate } from "../judge.ts"
import type { Violation } from "../world.ts"
import type { Setting } from "./alike.ts"
import { type Case, nameOf } from "./case.ts"
import { faultsAt } from "./faults.ts"
import { type FirstFault, type Trial, tryFault, tryFaults } from "./one-order.ts"
import { deviating, type Deviation, explore, type Race, runRace } from "./race.ts"

export type Task =
  | ({ readonly scope: "one-order" } & FirstFault)
  | {
    readonly scope: "race"
    readonly race: Race
    readonly from: ReadonlyArray<Deviation>
    /** At how many more choices the courses deviate, at most. */
    readonly more: number
  }

export interface Finding {
  /** The name of the case that shows it. */
  readonly name: string
  readonly violations: ReadonlyArray<Violation>
}

/** How many cases of each kind were tried, and with how many simulations. */
export interface Done {
  readonly singles: number
  readonly pairs: number
  readonly courses: number
  readonly simulations: number
  readonly finding: Finding | undefined
}

export const perform = async (simulate: Simulate, task: Task): Promise<Done> => {
  if (task.scope === "one-order") {
    const { broken, ...tried } = await tryFault(simulate, task)
    return {
      ...nothing,
      ...tried,
      singles: task.settings.length,
      finding: broken && foundBy(broken),
    }
  }
  const { race, from, more } = task
  const { courses, broken } = await explore(simulate, race, from, more)
  const finding = broken && found({ scope: "race", race, ...broken }, broken.violations)
  return { ...nothing, courses, simulations: courses, finding }
}

const foundBy = ({ settings: [setting], faults, violations }: Trial): Finding =>
  found({ scope: "one-order", setting: setting!, faults }, violations)

const found = (given: Case, violations: ReadonlyArray<Violation>): Finding => ({
  name: nameOf(given),
  violations,
})

/** The tasks of a part of the search, and what was done to know them. */
export interface Split {
  readonly done: Done
  readonly tasks: ReadonlyArray<Task>
}

/** Every single fault; every short one also with each `every`-th of those that can come after it. */
export const splitFaults = async (
  simulate: Simulate,
  settings: ReadonlyArray<Setting>,
  every: number,
): Promise<Split> => {
  const trials = await tryFaults(simulate, settings, [])
  const simulations = trials.length
  const broken = trials.find(({ violations }) => violations.length > 0)
  if (broken !== undefined) {
    return { done: { ...nothing, simulations, finding: foundBy(broken) }, tasks: [] }
  }
  const tasks = trials.flatMap(({ settings, points, hash }) => {
    const tasksOf = (length: "short" | "long", every: number) =>
      points.flatMap((point) => faultsAt(point, length))
        .map((fault): Task => ({ scope: "one-order", settings, fault, every, unharmed: hash }))
    return [...tasksOf("short", every), ...tasksOf("long", 0)]
  })
  return { done: { ...nothing, simulations }, tasks }
}

/** All courses of a race that deviate at `most` choices at most. */
export const splitRace = async (
  simulate: Simulate,
  race: Race,
  most: number,
): Promise<Split> => {
  const { violations, choices } = await runRace(simulate, race, [])
  const done = { ...nothing, courses: 1, simulations: 1 }
  if (violations.length > 0) {
    const finding = found({ scope: "race", race, deviations: [] }, violations)
    return { done: { ...done, finding }, tasks: [] }
  }
  const tasks = deviating(race, [], choices)
    .map((from): Task => ({ scope: "race", race, from, more: most - 1 }))
  return { done, tasks }
}

const nothing: Done = { singles: 0, pairs: 0, courses: 0, simulations: 0, finding: undefined }
