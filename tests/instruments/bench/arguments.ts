/** The command line of the bench. */
import { type Given, syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { wholeOf } from "#shared/command/values.ts"

/** In the order in which they run: first those that others are compared with. */
const names = [
  "queue-to-decision",
  "end-to-end",
  "low-rate",
  "latency",
  "hot",
  "backlog",
  "growth",
  "replicas",
  "deno",
  "embedded",
  "telemetry",
  "overload",
  "peers",
] as const
export type ScenarioName = typeof names[number]

/** The short form has the first ones only, this many. */
const basic = 2
/** Those that run only on request. */
const asked: ReadonlyArray<ScenarioName> = ["peers"]

export interface BenchArguments {
  readonly only: ReadonlyArray<ScenarioName>
  readonly short: boolean
  /** The counted runs of each scenario. */
  readonly runs: number
  /** The orders of each run. */
  readonly orders: number
  readonly json: boolean
  readonly profile: boolean
  readonly deno: boolean
  /** Whether other engines are measured, too. */
  readonly peers: boolean
  readonly allowDisturbed: boolean
}

const options = {
  only: {
    type: "string",
    value: "NAME,...",
    says: `these scenarios, of ${names.join(", ")}; all but peers by default`,
  },
  short: {
    type: "boolean",
    says: "about a minute: queue-to-decision and end-to-end, two runs of 10,000 orders by default",
  },
  runs: {
    type: "string",
    value: "R",
    says: "counted runs of each scenario, 1 to 50; 5 by default",
  },
  orders: {
    type: "string",
    value: "N",
    says: "orders of each run, 10 to 1,000,000; 50,000 by default",
  },
  json: {
    type: "boolean",
    says: "prints everything that was measured as JSON, instead of the table",
  },
  profile: {
    type: "boolean",
    says: "one run of queue-to-decision and end-to-end under a CPU profile of every service; " +
      "prints where the time went, in microseconds per order",
  },
  deno: { type: "boolean", says: "runs the services on Deno; the scenario deno runs them on both" },
  peers: {
    type: "boolean",
    says: "measures other engines, with the same participants and the same saga: in latency, and " +
      "in the scenario peers, unless --only leaves it out",
  },
  "allow-disturbed": {
    type: "boolean",
    says: "keeps runs that other programs disturbed, instead of repeating them",
  },
} as const

export const benchSyntax = syntax({
  call: "npm run bench",
  usage: `[-- --only NAME,...] [--short] [--runs R] [--orders N]
[--json] [--profile] [--deno] [--peers] [--allow-disturbed]`,
  about:
    `Starts all services but the console as processes, with a PostgreSQL that syncs every commit and a
Redis, runs each scenario several times, alternating with raw programs that show the limit of the
machine, checks the books after each run, and prints a table, also of the goals that are missed.
Exits with 0, with 1 if a run does not end or ends with wrong books, and with 2 if an option is
wrong.`,
  options,
  closing: "",
  read: (given) => {
    if (given.profile && given.deno) throw new Misused("--profile and --deno exclude each other")
    return benchOf(given)
  },
})

const benchOf = (given: Given<typeof options>): BenchArguments => {
  const { short = false, profile = false, peers = false } = given
  const few = short || profile
  const usual = names.slice(0, few ? basic : names.length).filter((name) => !asked.includes(name))
  const only: ReadonlyArray<string> = given.only?.split(",").map(nameOf) ??
    [...usual, ...(peers ? ["peers"] : [])]
  const { runs = profile ? "1" : short ? "2" : "5", orders = short ? "10000" : "50000" } = given
  return {
    only: names.filter((name) => only.includes(name)),
    short,
    runs: wholeOf("--runs", runs, { least: 1, most: 50, such: 5 }),
    orders: wholeOf("--orders", orders, { least: 10, most: 1_000_000, such: 50_000 }),
    json: given.json ?? false,
    profile,
    deno: given.deno ?? false,
    peers: peers || only.includes("peers"),
    allowDisturbed: given["allow-disturbed"] ?? false,
  }
}

const nameOf = (word: string): ScenarioName => {
  const found = names.find((name) => name === word)
  if (found !== undefined) return found
  throw new Misused(`--only needs names of scenarios, such as ${names[0]},${names[1]}`)
}
