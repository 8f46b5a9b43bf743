/**
 * Simulates a range of seeds on several threads. Threads get small chunks of seeds in order, so
 * memory stays flat. After a violation no more chunks are given out. The finding is the lowest seed
 * that shows one, which does not depend on the number of threads.
 */
import { Worker } from "node:worker_threads"
import { emptyTally, merge, type Tally } from "./tally.ts"
import type { Violation } from "./world.ts"

/** Consecutive seeds for one thread. */
export interface Chunk {
  readonly first: number
  readonly seeds: number
}

/** A seed whose plan breaks an invariant. */
export interface Finding {
  readonly seed: number
  readonly violations: ReadonlyArray<Violation>
}

/** The result of a chunk. */
export interface Done {
  readonly tally: Tally
  readonly finding: Finding | undefined
}

/** The messages of a thread: that it listens, and then the result of each chunk. */
export type Message = "ready" | Done

export interface Run {
  /** The first seed; the others follow it. */
  readonly first: number
  readonly seeds: number
  /** The number of threads. */
  readonly workers: number
  /** The module that exports `simulate`. */
  readonly simulator: URL
  /** Called after each chunk with the tally so far. */
  readonly onProgress?: (tally: Tally) => void
}

/** The real simulator. */
export const simulator = new URL("./simulate.ts", import.meta.url)

const chunkSeeds = 20

/** Rejects with the error of a thread. */
export const simulateSeeds = async (run: Run): Promise<Done> => {
  const tally = emptyTally()
  const findings: Array<Finding> = []
  const chunks = chunksOf(run)
  const collect = (done: Done) => {
    merge(tally, done.tally)
    run.onProgress?.(tally)
    if (done.finding === undefined) return
    findings.push(done.finding)
    chunks.return(undefined)
  }
  const threads = Math.min(run.workers, Math.ceil(run.seeds / chunkSeeds))
  const workers = Array.from({ length: threads }, () => newWorker(run.simulator))
  try {
    await Promise.all(workers.map((worker) => work(worker, chunks, collect)))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  findings.sort((one, other) => one.seed - other.seed)
  return { tally, finding: findings[0] }
}

const newWorker = (simulator: URL) =>
  new Worker(new URL("./worker.ts", import.meta.url), { workerData: simulator.href })

function* chunksOf({ first, seeds }: Run): Generator<Chunk, undefined> {
  for (let done = 0; done < seeds; done += chunkSeeds) {
    yield { first: first + done, seeds: Math.min(chunkSeeds, seeds - done) }
  }
}

/** Has one thread simulate chunks until there are none. */
const work = (
  worker: Worker,
  chunks: Iterator<Chunk, undefined>,
  collect: (done: Done) => void,
) =>
  new Promise<void>((resolve, reject) => {
    worker.on("error", reject)
    worker.on("message", (message: Message) => {
      if (message !== "ready") collect(message)
      const chunk = chunks.next().value
      if (chunk === undefined) resolve()
      else worker.postMessage(chunk)
    })
  })
