/** Threads that perform the tasks of the exhaustive search. */
import { Worker } from "node:worker_threads"
import type { Done, Task } from "./tasks.ts"

export interface Threads {
  /** Has tasks performed, in order, until all are done or `collect`, which is told what came of each, says that it is enough. */
  readonly perform: (
    tasks: ReadonlyArray<Task>,
    collect: (done: Done, task: number) => boolean,
  ) => Promise<void>
  readonly end: () => Promise<unknown>
}

/** Starts them. They fail with what one of them fails with. */
export const startThreads = async (count: number, simulator: URL): Promise<Threads> => {
  const options = { workerData: simulator.href }
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL("./worker.ts", import.meta.url), options),
  )
  await Promise.all(workers.map((worker) => answerOf(worker, () => {})))
  const perform: Threads["perform"] = async (tasks, collect) => {
    const numbers = tasks.keys()
    let enough = false
    const next = () => enough ? undefined : numbers.next().value
    await Promise.all(workers.map(async (worker) => {
      for (let number = next(); number !== undefined; number = next()) {
        const done = await answerOf(worker, () => worker.postMessage(tasks[number]))
        if (!collect(done, number)) enough = true
      }
    }))
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
