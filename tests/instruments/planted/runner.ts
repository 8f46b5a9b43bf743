/**
 * Runs in a copy of the sources, in a process of its own: simulates one seed after the other until
 * one shows a violation. It prints each seed that is done, and at last what was found. It ends when
 * nobody listens any more.
 */
import { setImmediate } from "node:timers/promises"
import { judge } from "../simulation/judge.ts"
import { planOf } from "../simulation/seeds.ts"
import { simulate } from "../simulation/simulate.ts"
import type { Report } from "./hunt.ts"

// Ctrl-C is for the process that started this one.
process.on("SIGINT", () => {})
process.stdin.on("end", () => process.exit()).resume()

const say = (report: Report) => process.stdout.write(`${JSON.stringify(report)}\n`)

const [first = 1, seeds = 0] = process.argv.slice(2).map(Number)
for (let seed = first; seed < first + seeds; seed++) {
  const { violations } = await judge(simulate, planOf(seed))
  say({ seed, violations })
  if (violations.length > 0) break
  await setImmediate()
}
process.stdin.destroy()
