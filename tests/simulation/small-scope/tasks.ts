/** The exhaustive search in pieces that threads can work on, and how each piece is done. */
import { judge, type Simulate } from "../judge.ts"
import type { PointFault } from "../plan.ts"
import type { Violation } from "../world.ts"
import { type Case, nameOf } from "./case.ts"
import { faultsAt } from "./faults.ts"
import { planOf, pointsOf, type Setting, tryFault } from "./one-order.ts"
import { deviating, type Deviation, explore, type Race, runRace } from "./race.ts"

export type Task =
  | {
    readonly scope: "one-order"
    readonly setting: Setting
    readonly fault: PointFault
    /** Of the faults that can come after it, each `every`-th is tried with it; none if it is 0. */
    readonly every: number
  }
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

export interface Done {
  readonly singles: number
  readonly pairs: number
  readonly courses: number
  readonly finding: Finding | undefined
}

export const perform = async (simulate: Simulate, task: Task): Promise<Done> => {
  if (task.scope === "one-order") {
    const { setting, fault, every } = task
    const { pairs, broken } = await tryFault(simulate, setting, fault, every)
    const finding = broken && found({ scope: "one-order", setting, ...broken }, broken.violations)
    return { singles: 1, pairs, courses: 0, finding }
  }
  const { race, from, more } = task
  const { courses, broken } = await explore(simulate, race, from, more)
  const finding = broken && found({ scope: "race", race, ...broken }, broken.violations)
  return { singles: 0, pairs: 0, courses, finding }
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

/** Every single fault; every short one also with each `every`-th of those that can come after it. */
export const splitFaults = async (
  simulate: Simulate,
  setting: Setting,
  every: number,
): Promise<Split> => {
  const { violations, simulation } = await judge(simulate, planOf(setting, []))
  if (simulation === undefined || violations.length > 0) {
    const finding = found({ scope: "one-order", setting, faults: [] }, violations)
    return { done: { ...nothing, finding }, tasks: [] }
  }
  const tasksOf = (length: "short" | "long", every: number) =>
    pointsOf(simulation).flatMap((point) => faultsAt(point, length))
      .map((fault): Task => ({ scope: "one-order", setting, fault, every }))
  return { done: nothing, tasks: [...tasksOf("short", every), ...tasksOf("long", 0)] }
}

/** All courses of a race that deviate at `most` choices at most. */
export const splitRace = async (
  simulate: Simulate,
  race: Race,
  most: number,
): Promise<Split> => {
  const { violations, choices } = await runRace(simulate, race, [])
  if (violations.length > 0) {
    const finding = found({ scope: "race", race, deviations: [] }, violations)
    return { done: { ...nothing, courses: 1, finding }, tasks: [] }
  }
  const tasks = deviating(race, [], choices)
    .map((from): Task => ({ scope: "race", race, from, more: most - 1 }))
  return { done: { ...nothing, courses: 1 }, tasks }
}

const nothing: Done = { singles: 0, pairs: 0, courses: 0, finding: undefined }
