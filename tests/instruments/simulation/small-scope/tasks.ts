/** The tasks of the exhaustive search, for threads to perform. */
import type { Simulate } from "../judge.ts"
import type { Violation } from "../world.ts"
import { type Case, nameOf } from "./case.ts"
import type { Choice } from "./choices.ts"
import type { Trial } from "./one-order.ts"
import { countOf, type FirstFault, type Pairs, tryFirst, tryPairs } from "./pairs.ts"
import { type Deviation, type Race, runRace } from "./race.ts"

/** A course of a race by its deviations, and the choice from which on its choices are wanted. */
export interface Course {
  readonly deviations: ReadonlyArray<Deviation>
  readonly tellFrom: number
}

export type Task =
  | ({ readonly kind: "fault" } & FirstFault)
  | ({ readonly kind: "pairs" } & Pairs)
  | { readonly kind: "race"; readonly race: Race; readonly courses: ReadonlyArray<Course> }

export interface Finding {
  /** The name of the case. */
  readonly name: string
  readonly violations: ReadonlyArray<Violation>
}

/** The result of a task: the number of cases and simulations, and what follows. */
export interface Done {
  readonly singles: number
  readonly pairs: number
  readonly simulations: number
  readonly finding: Finding | undefined
  /** The pairs to try with a fault. */
  readonly next: ReadonlyArray<Pairs>
  /** The choices of each course. */
  readonly choices: ReadonlyArray<ReadonlyArray<Choice>>
}

const nothing = { singles: 0, pairs: 0, next: [], choices: [] }

/** Stops at a violation. */
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
    case "race":
      return await takeCourses(simulate, task.race, task.courses)
  }
}

const takeCourses = async (
  simulate: Simulate,
  race: Race,
  courses: ReadonlyArray<Course>,
): Promise<Done> => {
  const choices: Array<ReadonlyArray<Choice>> = []
  for (const { deviations, tellFrom } of courses) {
    const { violations, told } = await runRace(simulate, race, deviations, { tellFrom })
    choices.push(told)
    if (violations.length === 0) continue
    const finding = found({ scope: "race", race, deviations }, violations)
    return { ...nothing, simulations: choices.length, choices, finding }
  }
  return { ...nothing, simulations: choices.length, choices, finding: undefined }
}

export const foundBy = (broken: Trial | undefined): Finding | undefined => {
  if (broken === undefined) return undefined
  const { settings: [setting], faults, violations } = broken
  return found({ scope: "one-order", setting: setting!, faults }, violations)
}

const found = (given: Case, violations: ReadonlyArray<Violation>): Finding => ({
  name: nameOf(given),
  violations,
})
