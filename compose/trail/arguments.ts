/** The command line of the audit trail: what is looked for, and how it is printed. */
import { syntax } from "#shared/command/syntax.ts"
import { oneOf, timeOf, wholeOf } from "#shared/command/values.ts"
import { actionOutcomes as outcomes, operatorActions } from "#shared/contracts/trail.ts"
import { events } from "#services/auth/trail-bounds.ts"
import type { TrailSearch } from "#services/auth/trail-table.ts"

export interface TrailOptions {
  readonly search: TrailSearch
  readonly json: boolean
}

const usualLimit = 1_000
const text = { type: "string" } as const

const options = {
  user: { ...text, value: "NAME", says: "of this user" },
  address: {
    ...text,
    value: "ADDRESS",
    says: "from this address; of IPv6 the network, such as 2001:db8:1:2::/64",
  },
  event: {
    ...text,
    value: "EVENT",
    says: `${events.join(", ")}; what operators do: ${operatorActions.join(", ")}`,
  },
  target: {
    ...text,
    value: "TARGET",
    says: "what operators did to it: the id of an order, or what else it is",
  },
  outcome: { ...text, value: "OUTCOME", says: outcomes.join(", ") },
  since: {
    ...text,
    value: "TIME",
    says: 'from then on: "2 hours" (ago), or ISO 8601 such as 2026-01-31T12:00Z',
  },
  until: { ...text, value: "TIME", says: "before then" },
  limit: { ...text, value: "N", says: `as many instead of ${usualLimit}` },
  json: { type: "boolean", says: "a line of JSON for each" },
} as const

export const trailSyntax = (nowMs: number) =>
  syntax({
    call: "npm run trail",
    usage: "[-- --user NAME] [--since TIME] ...",
    about:
      `Finds what users did, and what they were refused: who, from where, when, what, and how it ended.
Of what operators did also to what, and why; "begun" is what was never told to have ended.
Prints the newest ${usualLimit} that fit all that is given, oldest first.

Where DATABASE_URL is set (as in auth's container) it reads that database; else the data folder of
npm start (DATA_DIR), whether that runs or not.`,
    options,
    closing: `A line with "N times" stands for as many alike, of a flood of which not each is kept.
Exits with 0, also when there is nothing, and with 2 when it cannot look.`,
    read: (given): TrailOptions => {
      const { user, address, event, outcome, target, since, until, limit } = given
      const search = {
        ...(user !== undefined && { username: user.normalize("NFKC") }),
        ...(address !== undefined && { address }),
        ...(event !== undefined &&
          { event: oneOf("--event", event, [...events, ...operatorActions]) }),
        ...(outcome !== undefined && { outcome: oneOf("--outcome", outcome, outcomes) }),
        ...(target !== undefined && { target }),
        ...(since !== undefined && { since: timeOf("--since", since, nowMs) }),
        ...(until !== undefined && { until: timeOf("--until", until, nowMs) }),
        limit: limit === undefined
          ? usualLimit
          : wholeOf("--limit", limit, { least: 1, most: 9_999_999, such: 100 }),
      }
      return { search, json: given.json === true }
    },
  })
