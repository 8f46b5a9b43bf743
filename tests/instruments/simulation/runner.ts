/**
 * Simulates a range of seeds, spread over threads. The seeds are given out in order and in small
 * chunks, so that memory stays flat; after a violation nothing more is given out, and the lowest
 * seed that shows one is the finding: it does not depend on the number of threads.
 */
import { Worker } from "node:worker_threads"
import { emptyTally, merge, type Tally } from "./tally.ts"
import type { Violation } from "./world.ts"

/** Seeds that one thread simulates in a row. */
export interface Chunk {
  readonly first: number
  readonly seeds: number
}

/** A seed whose plan breaks an invariant. */
export interface Finding {
  readonly seed: number
  readonly violations: ReadonlyArray<Violation>
}

/** What came of seeds. */
export interface Done {
  readonly tally: Tally
  readonly finding: Finding | undefined
}

/** What a thread sends: that it listens, and after each chunk what came of it. */
export type Message = "ready" | Done

export interface Run {
  /** The first seed; the others follow it. */
  readonly first: number
  readonly seeds: number
  /** How many threads. */
  readonly workers: number
  /** The module whose `simulate` lets a plan happen. */
  readonly simulator: URL
  /** Is told what has been simulated so far, after each chunk. */
  readonly onProgress?: (tally: Tally) => void
}

/** The real one. */
export const simulator = new URL("./simulate.ts", import.meta.url)

const chunkSeeds = 20

/** Fails with what a thread failed with. */
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

/** Has one thread simulate chunk after chunk, until there is none. */
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
