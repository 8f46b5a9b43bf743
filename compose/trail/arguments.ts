/** The command line of the audit trail: what to search for, and how to print it. */
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
  user: { ...text, value: "NAME", says: "by this user" },
  address: {
    ...text,
    value: "ADDRESS",
    says: "from this address; for IPv6 its network, such as 2001:db8:1:2::/64",
  },
  event: {
    ...text,
    value: "EVENT",
    says: `${events.join(", ")}; operators' actions: ${operatorActions.join(", ")}`,
  },
  target: {
    ...text,
    value: "TARGET",
    says: "operators' actions on it: the id of an order, or of another target",
  },
  outcome: { ...text, value: "OUTCOME", says: outcomes.join(", ") },
  since: {
    ...text,
    value: "TIME",
    says: 'at or after: "2 hours" (ago), or ISO 8601 such as 2026-01-31T12:00Z',
  },
  until: { ...text, value: "TIME", says: "before this time" },
  limit: { ...text, value: "N", says: `the maximum number (default: ${usualLimit})` },
  json: { type: "boolean", says: "a line of JSON for each entry" },
} as const

export const trailSyntax = (nowMs: number) =>
  syntax({
    call: "npm run trail",
    usage: "[-- --user NAME] [--since TIME] ...",
    about:
      `Finds what users did, and what they were refused: who, from where, when, what, and how it ended.
For operators' actions also on what, and why; "begun" means that no end was recorded.
Prints the newest ${usualLimit} entries that match all options, oldest first.

If DATABASE_URL is set (as in auth's container), it reads that database; otherwise the data folder
of npm start (DATA_DIR), running or not.`,
    options,
    closing: `A line with "N times" stands for N similar entries of a flood.
Exits with 0, even if there are no entries, and with 2 on failure.`,
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
