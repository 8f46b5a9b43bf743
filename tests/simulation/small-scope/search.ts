/**
 * The exhaustive search, spread over threads: first every single fault, then the pairs that these lead to and the races.
 * Tasks are given out in order; after a violation nothing more is given out, and of several the one in the earliest task is
 * the finding.
 */
import type { Simulate } from "../judge.ts"
import type { Setting } from "./alike.ts"
import { withoutRepeated } from "./pairs.ts"
import type { Race } from "./race.ts"
import { type Done, type Finding, splitFaults, splitRace, type Task } from "./tasks.ts"
import { startThreads, type Threads } from "./threads.ts"

/** What is searched. */
export interface Scope {
  readonly settings: ReadonlyArray<Setting>
  /** Of the faults that can come after a fault, each `every`-th is tried with it. */
  readonly every: number
  /** Races, and at how many choices their courses deviate at most. */
  readonly races: ReadonlyArray<{ readonly race: Race; readonly most: number }>
}

export interface Figures {
  readonly singles: number
  readonly pairs: number
  /** How many courses the races took, in the order of the scope. */
  readonly courses: ReadonlyArray<number>
  readonly simulations: number
  /** About how much of the pairs and races is done, from 0 to 1. */
  readonly share: number
}

export interface Search {
  readonly scope: Scope
  /** How many threads. */
  readonly workers: number
  /** The module whose `simulate` lets a plan happen. */
  readonly simulator: URL
  readonly onProgress?: (figures: Figures) => void
}

export interface Outcome {
  readonly figures: Figures
  readonly finding: Finding | undefined
}

/** Fails with what a thread failed with. */
export const search = async (
  { scope, workers, simulator, onProgress }: Search,
): Promise<Outcome> => {
  const { simulate }: { readonly simulate: Simulate } = await import(simulator.href)
  const courses = scope.races.map(() => 0)
  const figures = { singles: 0, pairs: 0, courses, simulations: 0, share: 0 }
  const count = (done: Done, race: number) => {
    figures.singles += done.singles
    figures.pairs += done.pairs
    figures.simulations += done.simulations
    if (race >= 0) courses[race]! += done.courses
    return done
  }
  const { done, tasks: faults } = await splitFaults(simulate, scope.settings, scope.every)
  if (count(done, none).finding !== undefined) return { figures, finding: done.finding }
  const races: Array<Part> = []
  for (const [n, { race, most }] of scope.races.entries()) {
    const { done, tasks } = await splitRace(simulate, race, most)
    if (count(done, n).finding !== undefined) return { figures, finding: done.finding }
    races.push({ tasks, race: n })
  }
  const threads = await startThreads(workers, simulator)
  const perform = (pieces: ReadonlyArray<Piece>) =>
    performed(threads, pieces, (done, { race, place }) => {
      count(done, race)
      figures.share = place
      onProgress?.(figures)
    })
  try {
    const alone = await perform(faults.map((task) => ({ task, race: none, place: 0 })))
    if (alone.finding !== undefined) return { figures, finding: alone.finding }
    const { kept, repeated } = withoutRepeated(alone.next)
    figures.pairs += repeated
    const pairs = kept.map((pairs): Task => ({ kind: "pairs", ...pairs }))
    const { finding } = await perform(sideBySide([{ tasks: pairs, race: none }, ...races]))
    return { figures, finding }
  } finally {
    await threads.end()
  }
}

/** Tasks of one kind, and of which race they are. */
interface Part {
  readonly tasks: ReadonlyArray<Task>
  readonly race: number
}

const none = -1

interface Piece {
  readonly task: Task
  readonly race: number
  /** About how much of its part comes before it, from 0 to 1. */
  readonly place: number
}

/** All parts get on together: how far one of them is tells how far the others are. */
const sideBySide = (parts: ReadonlyArray<Part>): ReadonlyArray<Piece> =>
  parts.flatMap(({ tasks, race }) => {
    const all = tasks.reduce((sum, task) => sum + sizeOf(task), 0)
    let before = 0
    return tasks.map((task) => {
      const place = before / all
      before += sizeOf(task)
      return { task, race, place }
    })
  }).sort((one, other) => one.place - other.place)

const sizeOf = (task: Task): number =>
  task.kind === "pairs" ? task.seconds.length : task.kind === "race" ? task.about : 1

/** Gives what is to be done next, in order, and the finding. */
const performed = async (
  threads: Threads,
  pieces: ReadonlyArray<Piece>,
  tell: (done: Done, piece: Piece) => void,
): Promise<Pick<Done, "next" | "finding">> => {
  const next: Array<Done["next"]> = []
  const findings = new Map<number, Finding>()
  await threads.perform(pieces.map(({ task }) => task), (done, n) => {
    tell(done, pieces[n]!)
    next[n] = done.next
    if (done.finding !== undefined) findings.set(n, done.finding)
    return findings.size === 0
  })
  return { next: next.flat(), finding: findings.get(Math.min(...findings.keys())) }
}
