/** The command line of the simulation. */
import { availableParallelism } from "node:os"
import { greatestSeed } from "./seeds.ts"

export type Arguments =
  | {
    readonly task: "run"
    readonly first: number
    readonly seeds: number
    readonly workers: number
  }
  | { readonly task: "replay"; readonly seed: number; readonly path: string }
  | { readonly task: "exhaustive"; readonly name: string | undefined }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

const defaultSeeds = 10_000

export const help = `Usage: npm run simulate [-- --seeds N] [--seed S] [--workers K]
       npm run simulate -- --seed S (--trace | --path P)
       npm run simulate -- --exhaustive [--case NAME]

Simulates the whole system: its real rules, on a simulated network, queue, databases and clock. Each
seed stands for a plan of orders and faults; the same seed has the same history on every machine,
under Node and Deno. A violation is shrunk to a small plan, with the command that replays it. Exits
with 0 when everything holds, with 1 at a violation, with 2 when an option is wrong, and with 3 when
a fault never hit in 1,000 seeds or more ("not a test").

  --seeds N     how many seeds; 10,000 where it is not given
  --seed S      the first seed; 1 where it is not given
  --workers K   how many threads; as many as there are processors where it is not given
  --trace       prints the whole history of one seed
  --path P      prints the whole history of a shrunk plan, as the run said that found it
  --exhaustive  every fault, and every pair of them, at every point of one order, and every race
                for the last of something
  --case NAME   prints the whole history of one case of these, as the run said that found it
  --help        show this`

interface Option {
  readonly valid: (value: string) => boolean
  readonly needs: string
}

const wholeNumber = (least: number, most: number, example: number): Option => ({
  valid: (value) => /^\d{1,10}$/.test(value) && +value >= least && +value <= most,
  needs: `a whole number from ${least} to ${most}, such as ${example}`,
})

const valued: Readonly<Record<string, Option>> = {
  "--seeds": wholeNumber(1, greatestSeed, 1_000),
  "--seed": wholeNumber(0, greatestSeed, 7),
  "--workers": wholeNumber(1, 256, 2),
  "--path": { valid: (value) => /^\d+(:\d+)*$/.test(value), needs: "a path such as 0:1:2" },
  "--case": { valid: (value) => /^[^\s-]\S*$/.test(value), needs: "the name of a case" },
}
const plain = ["--trace", "--exhaustive"]

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  const given = new Map<string, string>()
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? ""
    if (word === "--help" || word === "-h") return { task: "help" }
    const [option = "", attached] = word.split(/=(.*)/s)
    if (plain.includes(word)) {
      given.set(word, "")
      continue
    }
    if (!Object.hasOwn(valued, option)) {
      return refuse(`The simulation does not know ${JSON.stringify(word)}`)
    }
    const value = attached ?? words[++n] ?? ""
    const { valid, needs } = valued[option]!
    if (!valid(value)) return refuse(`${option} needs ${needs}`)
    given.set(option, value)
  }
  return taskOf(given)
}

const taskOf = (given: ReadonlyMap<string, string>): Arguments => {
  const alone = (option: string, allowed: ReadonlyArray<string>) => {
    const other = [...given.keys()].find((name) => name !== option && !allowed.includes(name))
    return other === undefined ? undefined : refuse(`${option} does not go with ${other}`)
  }
  const name = given.get("--case")
  if (given.has("--exhaustive")) {
    return alone("--exhaustive", ["--case"]) ?? { task: "exhaustive", name }
  }
  if (name !== undefined) return refuse("--case needs --exhaustive as well")
  const seed = given.get("--seed")
  const shown = given.has("--path") ? "--path" : "--trace"
  if (given.has(shown)) {
    if (seed === undefined) return refuse(`${shown} needs --seed as well`)
    const path = given.get("--path") ?? ""
    return alone(shown, ["--seed", "--trace"]) ?? { task: "replay", seed: Number(seed), path }
  }
  const first = Number(seed ?? 1)
  const seeds = Number(given.get("--seeds") ?? Math.min(defaultSeeds, greatestSeed - first + 1))
  if (first + seeds - 1 > greatestSeed) return refuse(`The seeds go up to ${greatestSeed}`)
  return {
    task: "run",
    first,
    seeds,
    workers: Number(given.get("--workers") ?? availableParallelism()),
  }
}

const refuse = (what: string): Arguments => ({
  task: "refuse",
  message: `${what}: see npm run simulate -- --help`,
})
