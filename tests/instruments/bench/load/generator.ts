/** Starts the load generator, as a separate process so that it delays no other event loop. */
import { Effect, Schema, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { root } from "../stand/program.ts"
import type { Load, LoadResult } from "./load.ts"

export interface Generator {
  readonly pid: number
  /** Sends all orders. Succeeds when each has its answer. */
  readonly run: Effect.Effect<LoadResult, LoadFailed>
}

/** Orders were not answered as expected, so the run has no valid result. */
export class LoadFailed extends Schema.TaggedError<LoadFailed>()("LoadFailed", {
  message: Schema.String,
}) {}

/** Starts it, connected and ready to begin, until the scope closes. */
export const startGenerator = (load: Load): Effect.Effect<Generator, LoadFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          join(root, "node_modules/.bin/node"),
          [join(import.meta.dirname, "program.ts"), JSON.stringify(load)],
          { cwd: root, stdio: ["pipe", "pipe", "pipe"] },
        )
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL")),
    )
    let errors = ""
    child.stderr.on("data", (text) => errors = (errors + text).slice(-1000))
    child.stdin.on("error", () => {}) // It ended early; its errors say why.
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const line = Effect.tryPromise({
      try: async () => {
        const { value, done } = await lines.next()
        if (!done) return value
        await once(child, "close")
        throw new Error(errors.trim().split("\n").find((line) => /Error/.test(line)) ?? "it ended")
      },
      catch: (error) =>
        new LoadFailed({ message: `The load generator failed: ${(error as Error).message}` }),
    })
    yield* line
    return {
      pid: child.pid!,
      run: Effect.gen(function* () {
        child.stdin.write("go\n")
        const result = JSON.parse(yield* line) as LoadResult
        if (result.firstFailure === "") return result
        return yield* new LoadFailed({
          message: `Not every order was stored: ${JSON.stringify(result.statuses)}, ` +
            `first ${result.firstFailure}`,
        })
      }),
    }
  })
