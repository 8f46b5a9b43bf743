/** The command line of the simulation. */
import { availableParallelism } from "node:os"
import { type Given, syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { wholeOf } from "#shared/command/values.ts"
import { greatestSeed } from "./seeds.ts"

export type Task =
  | {
    readonly task: "run"
    readonly first: number
    readonly seeds: number
    readonly workers: number
  }
  | { readonly task: "replay"; readonly seed: number; readonly path: string }
  | { readonly task: "exhaustive"; readonly name: string | undefined }

const usualSeeds = 10_000
const text = { type: "string" } as const

const options = {
  seeds: { ...text, value: "N", says: "the number of seeds; 10,000 by default" },
  seed: { ...text, value: "S", says: "the first seed; 1 by default" },
  workers: {
    ...text,
    value: "K",
    says: "the number of threads; by default one for each processor",
  },
  trace: { type: "boolean", says: "prints the history of one seed" },
  path: {
    ...text,
    value: "P",
    says: "prints the history of a shrunk plan; the run that found it printed the path",
  },
  exhaustive: {
    type: "boolean",
    says:
      "tries every fault and every pair of faults at every point of one order, and every race " +
      "for the last unit",
  },
  case: {
    ...text,
    value: "NAME",
    says: "prints the history of one exhaustive case; the run that found it printed the name",
  },
} as const

export const simulationSyntax = syntax({
  call: "npm run simulate",
  usage: `[-- --seeds N] [--seed S] [--workers K]
-- --seed S (--trace | --path P)
-- --exhaustive [--case NAME]`,
  about: `Simulates the whole system: the real services on a simulated network, queue, databases and
clock. Each seed is a plan of orders and faults, and has the same history on every machine, on Node
and on Deno. A violation is shrunk to a small plan, and printed with the command that replays it.
Exits with 0 if every invariant holds, 1 at a violation, 2 if an option is wrong, and 3 if some
fault never happened in 1,000 seeds or more ("not a test").`,
  options,
  closing: "",
  read: (given): Task => {
    if (given.exhaustive) {
      alone(given, "exhaustive", ["case"])
      return { task: "exhaustive", name: given.case === undefined ? undefined : caseOf(given.case) }
    }
    if (given.case !== undefined) throw new Misused("--case needs --exhaustive as well")
    if (given.path !== undefined || given.trace) return replayOf(given)
    return runOf(given)
  },
})

type Choice = Given<typeof options>

const alone = (given: Choice, option: keyof Choice, allowed: ReadonlyArray<keyof Choice>) => {
  const names = Object.keys(given) as Array<keyof Choice>
  const other = names.find((name) => name !== option && !allowed.includes(name))
  if (other !== undefined) throw new Misused(`--${option} does not go with --${other}`)
}

const seedOf = (given: string) =>
  wholeOf("--seed", given, { least: 0, most: greatestSeed, such: 7 })

const caseOf = (name: string): string => {
  if (/^[^\s-]\S*$/.test(name)) return name
  throw new Misused("--case needs the name of a case")
}

const replayOf = (given: Choice): Task => {
  const shown = given.path !== undefined ? "path" : "trace"
  const { seed, path = "" } = given
  if (seed === undefined) throw new Misused(`--${shown} needs --seed as well`)
  if (shown === "path" && !/^\d+(:\d+)*$/.test(path)) {
    throw new Misused("--path needs a path such as 0:1:2")
  }
  alone(given, shown, ["seed", "trace"])
  return { task: "replay", seed: seedOf(seed), path }
}

const runOf = ({ seed = "1", seeds, workers }: Choice): Task => {
  const first = seedOf(seed)
  const many = seeds === undefined
    ? Math.min(usualSeeds, greatestSeed - first + 1)
    : wholeOf("--seeds", seeds, { least: 1, most: greatestSeed, such: 1_000 })
  if (first + many - 1 > greatestSeed) throw new Misused(`The seeds go up to ${greatestSeed}`)
  return {
    task: "run",
    first,
    seeds: many,
    workers: workers === undefined
      ? availableParallelism()
      : wholeOf("--workers", workers, { least: 1, most: 256, such: 2 }),
  }
}
