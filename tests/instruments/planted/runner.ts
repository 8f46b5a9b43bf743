/**
 * Runs in a copy of the sources, as a separate process: simulates one seed after another until one
 * shows a violation, and prints a report for each. Ends when its standard input closes.
 */
import { setImmediate } from "node:timers/promises"
import { judge } from "../simulation/judge.ts"
import { planOf } from "../simulation/seeds.ts"
import { simulate } from "../simulation/simulate.ts"
import type { Report } from "./hunt.ts"

// The process that started this one handles Ctrl-C.
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
