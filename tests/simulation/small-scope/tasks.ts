/** The exhaustive search in pieces that threads can work on, and how each piece is done. */
import type { Simulate } from "../judge.ts"
import type { Violation } from "../world.ts"
import type { Setting } from "./alike.ts"
import { type Case, nameOf } from "./case.ts"
import { faultsAt } from "./faults.ts"
import { type Trial, tryFaults } from "./one-order.ts"
import { countOf, type FirstFault, type Pairs, tryFirst, tryPairs } from "./pairs.ts"
import { countDeviating, deviating, type Deviation, explore, type Race, runRace } from "./race.ts"

export type Task =
  | ({ readonly kind: "fault" } & FirstFault)
  | ({ readonly kind: "pairs" } & Pairs)
  | {
    readonly kind: "race"
    readonly race: Race
    readonly from: ReadonlyArray<Deviation>
    /** At how many more choices the courses deviate, at most. */
    readonly more: number
    /** About so many courses. */
    readonly about: number
  }

export interface Finding {
  /** The name of the case that shows it. */
  readonly name: string
  readonly violations: ReadonlyArray<Violation>
}

/** What was done: how many cases of each kind, and with how many simulations; and what is to be done because of it. */
export interface Done {
  readonly singles: number
  readonly pairs: number
  readonly courses: number
  readonly simulations: number
  readonly finding: Finding | undefined
  readonly next: ReadonlyArray<Pairs>
}

export const nothing: Done = {
  singles: 0,
  pairs: 0,
  courses: 0,
  simulations: 0,
  finding: undefined,
  next: [],
}

export const perform = async (simulate: Simulate, task: Task): Promise<Done> => {
  switch (task.kind) {
    case "fault": {
      const { broken, ...tried } = await tryFirst(simulate, task)
      return { ...nothing, ...tried, singles: task.settings.length, finding: foundBy(broken) }
    }
    case "pairs": {
      const { broken, simulations } = await tryPairs(simulate, task)
      return { ...nothing, simulations, pairs: countOf(task), finding: foundBy(broken) }
    }
    case "race": {
      const { race, from, more } = task
      const { courses, broken } = await explore(simulate, race, from, more)
      const finding = broken && found({ scope: "race", race, ...broken }, broken.violations)
      return { ...nothing, courses, simulations: courses, finding }
    }
  }
}

const foundBy = (broken: Trial | undefined): Finding | undefined => {
  if (broken === undefined) return undefined
  const { settings: [setting], faults, violations } = broken
  return found({ scope: "one-order", setting: setting!, faults }, violations)
}

const found = (given: Case, violations: ReadonlyArray<Violation>): Finding => ({
  name: nameOf(given),
  violations,
})

/** The tasks of a part of the search, and what was done to know them. */
export interface Split {
  readonly done: Done
  readonly tasks: ReadonlyArray<Task>
}

/** Every single fault; every short one is to be tried also with each `every`-th of those that can come after it. */
export const splitFaults = async (
  simulate: Simulate,
  settings: ReadonlyArray<Setting>,
  every: number,
): Promise<Split> => {
  const trials = await tryFaults(simulate, settings, [])
  const broken = trials.find(({ violations }) => violations.length > 0)
  const done = { ...nothing, simulations: trials.length, finding: foundBy(broken) }
  if (broken !== undefined) return { done, tasks: [] }
  const tasks = trials.flatMap(({ settings, points }) => {
    const tasksOf = (length: "short" | "long", every: number) =>
      points.flatMap((point) => faultsAt(point, length))
        .map((fault): Task => ({ kind: "fault", settings, fault, every }))
    return [...tasksOf("short", every), ...tasksOf("long", 0)]
  })
  return { done, tasks }
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
  const more = most - 1
  const tasks = deviating(race, [], choices).map((from): Task => {
    const about = countDeviating(choices.slice(from[0]!.at + 1), more)
    return { kind: "race", race, from, more, about }
  })
  return { done, tasks }
}
