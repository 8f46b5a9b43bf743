/**
 * The exhaustive search, spread over threads. Tasks are given out in order; after a violation nothing more is given out, and
 * of several the one in the earliest task is the finding.
 */
import { Worker } from "node:worker_threads"
import type { Simulate } from "../judge.ts"
import type { Setting } from "./one-order.ts"
import type { Race } from "./race.ts"
import { type Done, type Finding, splitFaults, splitRace, type Task } from "./tasks.ts"

/** What is searched. */
export interface Scope {
  readonly settings: ReadonlyArray<Setting>
  /** Of the faults that can come after a fault, each `every`-th is tried with it. */
  readonly every: number
  /** Races, and at how many choices their courses deviate at most. */
  readonly races: ReadonlyArray<{ readonly race: Race; readonly most: number }>
}

export interface Figures {
  readonly tasks: number
  readonly tasksDone: number
  readonly singles: number
  readonly pairs: number
  /** How many courses the races took, in the order of the scope. */
  readonly courses: ReadonlyArray<number>
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
  const figures = { tasks: 0, tasksDone: 0, singles: 0, pairs: 0, courses }
  const findings = new Map<number, Finding>()
  const collect = ({ singles, pairs, courses, finding }: Done, race: number, task: number) => {
    figures.singles += singles
    figures.pairs += pairs
    if (courses > 0) figures.courses[race]! += courses
    if (finding !== undefined) findings.set(task, finding)
  }
  const tasks: Array<{ readonly task: Task; readonly race: number }> = []
  const splits = [
    ...scope.settings.map((setting) => () => splitFaults(simulate, setting, scope.every)),
    ...scope.races.map(({ race, most }) => () => splitRace(simulate, race, most)),
  ]
  for (const [n, split] of splits.entries()) {
    const race = n - scope.settings.length
    const { done, tasks: more } = await split()
    collect(done, race, -1)
    if (findings.size > 0) return { figures, finding: findings.get(-1) }
    tasks.push(...more.map((task) => ({ task, race })))
  }
  figures.tasks = tasks.length
  await onThreads(workers, simulator, tasks.map(({ task }) => task), (done, n) => {
    collect(done, tasks[n]!.race, n)
    figures.tasksDone++
    onProgress?.(figures)
    return findings.size === 0
  })
  return { figures, finding: findings.get(Math.min(...findings.keys())) }
}

/** Has threads perform tasks until all are done, or `collect` says that it is enough. */
const onThreads = async (
  count: number,
  simulator: URL,
  tasks: ReadonlyArray<Task>,
  collect: (done: Done, task: number) => boolean,
): Promise<void> => {
  const options = { workerData: simulator.href }
  const workers = Array.from(
    { length: Math.min(count, tasks.length) },
    () => new Worker(new URL("./worker.ts", import.meta.url), options),
  )
  const numbers = tasks.keys()
  let enough = false
  const work = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      let current = 0
      const next = () => {
        const number = enough ? undefined : numbers.next().value
        if (number === undefined) return resolve()
        current = number
        worker.postMessage(tasks[number])
      }
      worker.on("error", reject)
      worker.on("message", (done: Done) => {
        if (!collect(done, current)) enough = true
        next()
      })
      next()
    })
  try {
    await Promise.all(workers.map(work))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
