/** The command line of the bench. */

/** In the order in which they are run: first what others are compared with. */
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

/** So many of them are all that the short form has. */
const basic = 2
/** Those that are run only when they are asked for. */
const asked: ReadonlyArray<ScenarioName> = ["peers"]

export interface BenchArguments {
  readonly task: "run"
  readonly only: ReadonlyArray<ScenarioName>
  readonly short: boolean
  /** Counted runs of each scenario. */
  readonly runs: number
  /** Orders of each run. */
  readonly orders: number
  readonly json: boolean
  readonly profile: boolean
  readonly deno: boolean
  /** Other engines, wherever something is compared with them. */
  readonly peers: boolean
  readonly allowDisturbed: boolean
}

export type Arguments =
  | BenchArguments
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

export const help = `Usage: npm run bench [-- --only NAME,...] [--short] [--runs R] [--orders N]
                     [--json] [--profile] [--deno] [--peers] [--allow-disturbed]

Starts the six services as processes, with a PostgreSQL that syncs every commit and a Redis, runs
each scenario several times in turn with the raw program that shows the limit of the machine, checks
the books after each run, and prints a table. Exits with 0, with 1 when a run
ended with wrong books or not at all, and with 2 when an option is wrong; goals that are missed are
in the table.

  --only NAME,...    these scenarios, of
                     ${names.slice(0, 6).join(", ")},
                     ${names.slice(6).join(", ")};
                     all but peers where it is not given
  --short            about a minute: queue-to-decision and end-to-end, two runs of 10,000 orders
                     where nothing else is given
  --runs R           counted runs of each scenario, 1 to 50; 5 where it is not given
  --orders N         orders of each run, 10 to 1,000,000; 50,000 where it is not given
  --json             prints everything that was measured as JSON, and no table
  --profile          one run of queue-to-decision and end-to-end under a CPU profile of every
                     service; prints where the time went, in microseconds of an order
  --deno             runs the services on Deno; the scenario deno runs them on both
  --peers            other engines, with the same participants and the same saga: in latency, and in
                     the scenario peers, unless --only leaves it out
  --allow-disturbed  keeps runs that other programs disturbed, instead of repeating them
  --help             show this`

interface Option {
  readonly valid: (value: string) => boolean
  readonly needs: string
}

const wholeNumber = (least: number, most: number, example: number): Option => ({
  valid: (value) => /^\d{1,7}$/.test(value) && +value >= least && +value <= most,
  needs: `a whole number from ${least} to ${most}, such as ${example}`,
})

const isName = (word: string): boolean => names.some((name) => name === word)

const valued: Readonly<Record<string, Option>> = {
  "--only": {
    valid: (value) => value.split(",").every(isName),
    needs: `names of scenarios, such as ${names[0]},${names[1]}`,
  },
  "--runs": wholeNumber(1, 50, 5),
  "--orders": wholeNumber(10, 1_000_000, 50_000),
}
const plain = ["--short", "--json", "--profile", "--deno", "--peers", "--allow-disturbed"]

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  const given = new Map<string, string>()
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? ""
    if (word === "--help" || word === "-h") return { task: "help" }
    if (plain.includes(word)) {
      given.set(word, "")
      continue
    }
    const [option = "", attached] = word.split(/=(.*)/s)
    if (!Object.hasOwn(valued, option)) {
      return refuse(`The bench does not know ${JSON.stringify(word)}`)
    }
    const value = attached ?? words[++n] ?? ""
    const { valid, needs } = valued[option]!
    if (!valid(value)) return refuse(`${option} needs ${needs}`)
    given.set(option, value)
  }
  if (given.has("--profile") && given.has("--deno")) {
    return refuse("--profile does not go with --deno")
  }
  return taskOf(given)
}

const taskOf = (given: ReadonlyMap<string, string>): BenchArguments => {
  const short = given.has("--short")
  const profile = given.has("--profile")
  const few = short || profile
  const usual = names.slice(0, few ? basic : names.length).filter((name) => !asked.includes(name))
  const only = given.get("--only")?.split(",") ??
    [...usual, ...(given.has("--peers") ? ["peers"] : [])]
  return {
    task: "run",
    only: names.filter((name) => only.includes(name)),
    short,
    runs: Number(given.get("--runs") ?? (profile ? 1 : short ? 2 : 5)),
    orders: Number(given.get("--orders") ?? (short ? 10_000 : 50_000)),
    json: given.has("--json"),
    profile,
    deno: given.has("--deno"),
    peers: given.has("--peers") || only.includes("peers"),
    allowDisturbed: given.has("--allow-disturbed"),
  }
}

const refuse = (what: string): Arguments => ({
  task: "refuse",
  message: `${what}: see npm run bench -- --help`,
})
