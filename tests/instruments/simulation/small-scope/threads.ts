/** Threads that perform the tasks of the exhaustive search. */
import { Worker } from "node:worker_threads"
import type { Done, Task } from "./tasks.ts"

export interface Threads {
  /**
   * Performs tasks until there are none and none is under way. `next` returns a task if there is
   * one now; `collect` takes its result.
   */
  readonly perform: (
    next: () => Task | undefined,
    collect: (task: Task, done: Done) => void,
  ) => Promise<void>
  readonly end: () => Promise<unknown>
}

/** Starts threads. Rejects with the error of any thread. */
export const startThreads = async (count: number, simulator: URL): Promise<Threads> => {
  const options = { workerData: simulator.href }
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL("./worker.ts", import.meta.url), options),
  )
  await Promise.all(workers.map((worker) => answerOf(worker, () => {})))
  const perform: Threads["perform"] = async (next, collect) => {
    let underWay = 0
    const idle: Array<() => void> = []
    const work = async (worker: Worker) => {
      for (let task = next(); task !== undefined || underWay > 0; task = next()) {
        if (task === undefined) {
          await new Promise<void>((resolve) => idle.push(resolve))
          continue
        }
        underWay++
        const done = await answerOf(worker, () => worker.postMessage(task))
        underWay--
        collect(task, done)
        for (const goOn of idle.splice(0)) goOn()
      }
    }
    await Promise.all(workers.map(work))
  }
  return { perform, end: () => Promise.all(workers.map((worker) => worker.terminate())) }
}

const answerOf = (worker: Worker, ask: () => void): Promise<Done> =>
  new Promise((resolve, reject) => {
    worker.once("error", reject)
    worker.once("message", (answer: Done) => {
      worker.off("error", reject)
      resolve(answer)
    })
    ask()
  })
