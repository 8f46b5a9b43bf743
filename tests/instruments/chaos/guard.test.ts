/**
 * The guard of a run that is killed. The run is a separate process, with a stopped child that
 * cannot notice its end.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { isAlive, untilGone } from "#tests/compose/embedded/another-process.ts"

const script = (guard: string) => `
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { startGuard } from ${JSON.stringify(guard)}
await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
  const guard = yield* startGuard
  const child = () => spawn("sleep", ["60"], { detached: true, stdio: "ignore" }).pid
  const [left, forgotten] = [child(), child()]
  guard.watch(forgotten)
  guard.watch(left)
  guard.forget(forgotten)
  process.kill(left, "SIGSTOP")
  console.log(left + " " + forgotten)
  yield* Effect.never
})))`

it("kills what it watches when the run is killed, also a stopped process, but none that it was told to forget", async () => {
  const guard = new URL("./guard.ts", import.meta.url).href
  const runtime = "Deno" in globalThis ? ["eval"] : ["--input-type=module-typescript", "--eval"]
  const run = spawn(process.execPath, [...runtime, script(guard)], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  })
  const [line] = await once(createInterface({ input: run.stdout }), "line") as [string]
  const [left = 0, forgotten = 0] = line.split(" ").map(Number)
  expect([left, forgotten].map(isAlive)).toEqual([true, true])
  process.kill(run.pid!, "SIGKILL")
  await Effect.runPromise(untilGone(left))
  expect(isAlive(forgotten)).toBe(true)
  process.kill(forgotten, "SIGKILL")
})
