/** Failpoints that kill, in a separate process: a killed process cannot check itself. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { afterEach, expect, it } from "vitest"
import { armLine, disarmLine, killedAt } from "./armed-failpoint.ts"

const cleanups: Array<() => unknown> = []
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()))

const start = () => {
  const runtime = "Deno" in globalThis ? ["run", "-A"] : []
  const script = join(import.meta.dirname, "pass-failpoints.ts")
  const child = spawn(process.execPath, [...runtime, script], { stdio: "pipe" })
  cleanups.push(() => child.kill("SIGKILL"))
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => output += text)
  return {
    say: (line: string) => child.stdin.write(line),
    output: () => output,
    ended: once(child, "close"),
    passed: (name: string) => output.split("\n").filter((line) => line === name).length,
    until: async (reached: () => boolean) => {
      while (!reached()) await once(child.stdout, "data")
    },
  }
}

it("kills the process at the third hit of the failpoint it is armed with, and not before", async () => {
  const child = start()
  await child.until(() => child.passed("orders.inserted") > 0)
  // In one write, so that the process passes no failpoint in between.
  child.say(armLine("orders.decided", 1) + disarmLine)
  const before = child.passed("orders.decided")
  await child.until(() => child.passed("orders.decided") > before + 3)
  expect(killedAt(child.output())).toBeUndefined()

  child.say(armLine("orders.inserted", 3))
  await child.ended
  expect(killedAt(child.output())).toBe("orders.inserted")
  // It reached the failpoint for the third time, and did not pass it.
  expect(child.passed("orders.inserted")).toBe(child.passed("orders.decided"))
})

it("counts the hits from the moment it is armed", async () => {
  const child = start()
  await child.until(() => child.passed("orders.decided") > 4)
  child.say(armLine("orders.decided", 20))
  const armedAt = child.passed("orders.decided")
  await child.ended
  expect(killedAt(child.output())).toBe("orders.decided")
  expect(child.passed("orders.decided")).toBeGreaterThanOrEqual(armedAt + 19)
})
