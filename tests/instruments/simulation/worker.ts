/** A thread that simulates the seeds that it is given, until one shows a violation. */
import { parentPort, workerData } from "node:worker_threads"
import "./no-async-context.ts"
import { judge, type Simulate } from "./judge.ts"
import type { Chunk, Done, Finding } from "./runner.ts"
import { planOf } from "./seeds.ts"
import { count, emptyTally } from "./tally.ts"

// Errors are values here. Nobody reads their stacks, which would cost an eighth of the time.
Error.stackTraceLimit = 0

const { simulate }: { readonly simulate: Simulate } = await import(workerData as string)

const simulateAll = async ({ first, seeds }: Chunk): Promise<Done> => {
  const tally = emptyTally()
  for (let seed = first; seed < first + seeds; seed++) {
    const plan = planOf(seed)
    const { violations, simulation } = await judge(simulate, plan)
    if (simulation !== undefined) count(tally, seed, plan, simulation)
    const finding: Finding = { seed, violations }
    if (violations.length > 0) return { tally, finding }
  }
  return { tally, finding: undefined }
}

parentPort!.on("message", (chunk: Chunk) => {
  simulateAll(chunk).then((done) => parentPort!.postMessage(done))
})
// Only now: a message that Deno sends to a thread before it listens is lost.
parentPort!.postMessage("ready")
