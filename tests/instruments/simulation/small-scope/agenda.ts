/**
 * The tasks of the exhaustive search, and its figures. First come all single faults, then the
 * races, then the pairs of faults. A violation ends the search.
 */
import type { Setting } from "./alike.ts"
import { Exploration } from "./exploration.ts"
import { type FirstFault, type Pairs, withoutRepeated } from "./pairs.ts"
import type { Race } from "./race.ts"
import type { Done, Finding, Task } from "./tasks.ts"

/** What is searched. */
export interface Scope {
  readonly settings: ReadonlyArray<Setting>
  /** Every how many-th of the faults after a fault is tried together with it; 0 for none. */
  readonly every: number
  /** The races, and the most deviations of their courses. */
  readonly races: ReadonlyArray<{ readonly race: Race; readonly most: number }>
}

export interface Figures {
  readonly singles: number
  readonly pairs: number
  /** The number of courses of each race, in the order of the scope. */
  readonly courses: ReadonlyArray<number>
  readonly simulations: number
  /** About how many simulations are left; undefined until all pairs are known. */
  readonly left: number | undefined
}

/** How many courses a thread takes at once. */
const inARow = 8

export class Agenda {
  finding: Finding | undefined = undefined
  private readonly faults: ReadonlyArray<Task>
  private readonly explorations: ReadonlyArray<Exploration>
  /** The pairs that begin with each fault. */
  private readonly led = new Map<Task, ReadonlyArray<Pairs>>()
  /** Known when all single faults are done. */
  private pairs: ReadonlyArray<Pairs> | undefined
  private faultsGiven = 0
  private pairsGiven = 0
  private readonly count = { singles: 0, pairs: 0, simulations: 0 }

  constructor({ races }: Scope, faults: ReadonlyArray<FirstFault>) {
    this.faults = faults.map((fault) => ({ kind: "fault", ...fault }))
    this.pairs = faults.length === 0 ? [] : undefined
    this.explorations = races.map(({ race, most }) => new Exploration(race, most))
  }

  /** The next task, if there is one before others are done. */
  next(): Task | undefined {
    if (this.finding !== undefined) return undefined
    if (this.faultsGiven < this.faults.length) return this.faults[this.faultsGiven++]
    const exploration = this.explorations.find(({ left }) => left > 0)
    if (exploration !== undefined) {
      return { kind: "race", race: exploration.race, courses: exploration.take(inARow) }
    }
    const pairs = this.pairs?.[this.pairsGiven]
    if (pairs === undefined) return undefined
    this.pairsGiven++
    return { kind: "pairs", ...pairs }
  }

  collect(task: Task, { singles, pairs, simulations, finding, next, choices }: Done): void {
    this.count.singles += singles
    this.count.pairs += pairs
    this.count.simulations += simulations
    this.finding ??= finding
    if (task.kind === "fault") this.leads(task, next)
    if (task.kind === "race") {
      const exploration = this.explorations.find(({ race }) => race === task.race)!
      choices.forEach((told, n) => exploration.tried(task.courses[n]!, told))
    }
  }

  private leads(fault: Task, next: ReadonlyArray<Pairs>): void {
    this.led.set(fault, next)
    if (this.led.size < this.faults.length) return
    const { kept, repeated } = withoutRepeated(this.faults.flatMap((fault) => this.led.get(fault)!))
    this.count.pairs += repeated
    this.pairs = kept
  }

  get figures(): Figures {
    const pairs = this.pairs?.slice(this.pairsGiven)
      .reduce((sum, { seconds }) => sum + seconds.length, 0)
    const courses = this.explorations.reduce((sum, { left }) => sum + left, 0)
    return {
      ...this.count,
      courses: this.explorations.map(({ courses }) => courses),
      left: pairs === undefined ? undefined : pairs + courses,
    }
  }
}
