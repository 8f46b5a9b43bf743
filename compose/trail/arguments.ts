/** The command line of the audit trail: what is looked for, and how it is printed. */
import { Duration, Option } from "effect"
import { parseArgs } from "node:util"
import { actionOutcomes as outcomes, operatorActions } from "#shared/contracts/trail.ts"
import { events } from "#services/auth/trail-bounds.ts"
import type { TrailSearch } from "#services/auth/trail-table.ts"

export type Arguments =
  | { readonly task: "run"; readonly search: TrailSearch; readonly json: boolean }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

const limit = 1_000

export const help = `Usage: npm run trail [-- --user NAME] [--since TIME] ...

Finds what users did, and what they were refused: who, from where, when, what, and how it ended.
Of what operators did also to what, and why; "begun" is what was never told to have ended.
Prints the newest ${limit} that fit all that is given, oldest first.

Where DATABASE_URL is set (as in auth's container) it reads that database; else the data folder of
npm start (DATA_DIR), whether that runs or not.

  --user NAME        of this user
  --address ADDRESS  from this address; of IPv6 the network, such as 2001:db8:1:2::/64
  --event EVENT      ${events.slice(0, 6).join(", ")},
                     ${events.slice(6, 11).join(", ")},
                     ${events.slice(11).join(", ")}
                     what operators do: ${operatorActions.slice(0, 3).join(", ")},
                     ${operatorActions.slice(3, 7).join(", ")},
                     ${operatorActions.slice(7).join(", ")}
  --target TARGET    what operators did to it: the id of an order, or what else it is
  --outcome OUTCOME  ${outcomes.join(", ")}
  --since TIME       from then on: "2 hours" (ago), or ISO 8601 such as 2026-01-31T12:00Z
  --until TIME       before then
  --limit N          as many instead of ${limit}
  --json             a line of JSON for each
  --help             show this

A line with "N times" stands for as many alike, of a flood of which not each is kept.
Exits with 0, also when there is nothing, and with 2 when it cannot look.`

const options = {
  user: { type: "string" },
  address: { type: "string" },
  event: { type: "string" },
  outcome: { type: "string" },
  target: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  limit: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>, nowMs: number): Arguments => {
  try {
    const { values } = parseArgs({ args: [...words], options, allowPositionals: false })
    if (values.help) return { task: "help" }
    const { user, address, event, outcome, target, since, until } = values
    const search = {
      ...(user !== undefined && { username: user.normalize("NFKC") }),
      ...(address !== undefined && { address }),
      ...(event !== undefined &&
        { event: oneOf("--event", event, [...events, ...operatorActions]) }),
      ...(outcome !== undefined && { outcome: oneOf("--outcome", outcome, outcomes) }),
      ...(target !== undefined && { target }),
      ...(since !== undefined && { since: timeOf("--since", since, nowMs) }),
      ...(until !== undefined && { until: timeOf("--until", until, nowMs) }),
      limit: values.limit === undefined ? limit : limitOf(values.limit),
    }
    return { task: "run", search, json: values.json === true }
  } catch (error) {
    const [why = ""] = (error as Error).message.split("\n")
    return { task: "refuse", message: `${why.replace(/\.$/, "")}: see npm run trail -- --help` }
  }
}

const oneOf = <W extends string>(option: string, given: string, words: ReadonlyArray<W>): W => {
  const found = words.find((word) => word === given)
  if (found === undefined) throw new Error(`${option} is one of ${words.join(", ")}`)
  return found
}

const limitOf = (given: string): number => {
  const number = /^\d{1,7}$/.test(given) ? Number(given) : 0
  if (number === 0) throw new Error("--limit is a whole number from 1 to 9999999")
  return number
}

/** Date.parse understands more, and otherwise than it was meant: "2" is a day in 2001. */
const iso = (given: string): number => /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : NaN

const timeOf = (option: string, given: string, nowMs: number): Date => {
  const ago = Duration.fromInput(given as Duration.Input)
  const ms = Option.isSome(ago) ? nowMs - Duration.toMillis(ago.value) : iso(given)
  const time = new Date(ms)
  if (Number.isNaN(time.getTime())) {
    throw new Error(`${option} is a time such as "2 hours" (ago) or 2026-01-31T12:00Z`)
  }
  return time
}
