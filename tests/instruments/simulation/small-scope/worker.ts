/** A thread of the exhaustive search: it does one task after the other. */
import "./no-async-context.ts"
import { parentPort, workerData } from "node:worker_threads"
import type { Simulate } from "../judge.ts"
import { perform, type Task } from "./tasks.ts"

// Nobody looks here where an error was made, and to find it out takes time.
Error.stackTraceLimit = 0

const { simulate }: { readonly simulate: Simulate } = await import(workerData as string)

parentPort!.on("message", (task: Task) => {
  perform(simulate, task).then((done) => parentPort!.postMessage(done))
})
// Only now: what Deno sends to a thread that does not listen yet is lost.
parentPort!.postMessage("ready")
