/** A thread of the exhaustive search: performs one task after another. */
import "../no-async-context.ts"
import { parentPort, workerData } from "node:worker_threads"
import type { Simulate } from "../judge.ts"
import { perform, type Task } from "./tasks.ts"

// Errors are values here. Nobody reads their stacks, which take time.
Error.stackTraceLimit = 0

const { simulate }: { readonly simulate: Simulate } = await import(workerData as string)

parentPort!.on("message", (task: Task) => {
  perform(simulate, task).then((done) => parentPort!.postMessage(done))
})
// Only now: a message that Deno sends to a thread before it listens is lost.
parentPort!.postMessage("ready")
