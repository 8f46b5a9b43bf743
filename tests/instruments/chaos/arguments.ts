/** The command line of a chaos run. */
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { numberOf } from "#shared/command/values.ts"

const usualMinutes = 5
const mostMinutes = 8 * 60

export const chaosSyntax = syntax({
  call: "npm run chaos",
  usage: "[-- --minutes M] [--seed S]",
  about:
    `Starts all services but the console as processes (two of orders, three of the orchestrator), with a
PostgreSQL and a Redis of their own, lets customers order, and breaks all of it: kill -9, also at
every failpoint, stopped processes, restarts, FLUSHALL, cut, slow and silent connections. At the end
every order must be final, and none lost, half done or doubled. Exits with 0 if so, with 1 if not or
if the faults did not really hit ("not a test"), and with 2 if an option is wrong.`,
  options: {
    minutes: {
      type: "string",
      value: "M",
      says:
        `how long to break things, 0.25 to ${mostMinutes}; ${usualMinutes} by default. From 2 on, ` +
        "the run must show every fault, and takes up to half as long again on a slow machine",
    },
    seed: {
      type: "string",
      value: "S",
      says: "repeats the faults, in the same order, of the run that printed this seed; their " +
        "exact timing depends on the machine",
    },
  },
  closing: "",
  read: ({ minutes = `${usualMinutes}`, seed }) => {
    if (seed !== undefined && !/^[\w-]{1,40}$/.test(seed)) {
      throw new Misused("--seed needs a word of up to 40 letters and digits, such as 7f3a")
    }
    const bounds = { least: 0.25, most: mostMinutes, such: usualMinutes }
    return { minutes: numberOf("--minutes", minutes, bounds), seed }
  },
})
