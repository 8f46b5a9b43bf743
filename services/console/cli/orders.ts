/** `npm run unwind -- orders`: finds orders, newest first. */
import { Effect } from "effect"
import { oneOf, timeOf } from "#shared/command/values.ts"
import { type FoundOrder, SearchedStatus } from "#shared/contracts/order-search.ts"
import { FailureReason, StepName, type StuckCompensation } from "#shared/contracts/order-state.ts"
import type { OrdersWanted } from "./console-api.ts"
import { consoleCommand } from "./console-command.ts"
import { idBeginningOf } from "./order-id.ts"
import { agoOf, type Column, columns, inOf } from "./output.ts"
import { pagingOf, pagingOptions, printPages } from "./paging.ts"

const text = { type: "string" } as const

const options = {
  status: { ...text, value: "STATUS", says: SearchedStatus.literals.join(", ") },
  user: { ...text, value: "NAME", says: "placed by this user" },
  item: { ...text, value: "ITEM", says: "for this item" },
  slot: { ...text, value: "SLOT", says: "for this slot, such as 09:00" },
  reason: { ...text, value: "REASON", says: `why it failed: ${FailureReason.literals.join(", ")}` },
  step: {
    ...text,
    value: "STEP",
    says: `rejected by this step, or stuck at it: ${StepName.literals.join(", ")}`,
  },
  since: {
    ...text,
    value: "TIME",
    says: 'placed since then: "2 hours" (ago), or ISO 8601 such as 2026-01-31T12:00Z',
  },
  until: { ...text, value: "TIME", says: "placed before then" },
  id: { ...text, value: "TEXT", says: "whose id begins with this" },
  ...pagingOptions,
} as const

const table: ReadonlyArray<Column<FoundOrder>> = [
  { name: "ORDER", width: 36, of: ({ id }) => id },
  { name: "AGE", width: 5, right: true, of: ({ createdAt }) => agoOf(createdAt) },
  { name: "STATUS", width: 12, of: ({ status, stuck }) => stuck === null ? status : "stuck" },
  { name: "AMOUNT", width: 8, right: true, of: ({ amount }) => `${amount}` },
  { name: "ITEM", width: 4, right: true, of: ({ item }) => `${item}` },
  { name: "SLOT", width: 5, of: ({ slot }) => slot },
  { name: "USER", width: 12, of: ({ username }) => username },
  {
    name: "WHY",
    width: 0,
    of: ({ reason, stuck }) => [reason, stuck && stuckWords(stuck)].filter(Boolean).join("; "),
  },
]

/** Why a compensation is stuck, and when the next attempt is due. */
export const stuckWords = ({ step, attempts, cause, nextAttemptAt }: StuckCompensation): string =>
  `undoing ${step} is stuck after ${attempts} attempts, next ${inOf(nextAttemptAt)}: ${cause}`

export const orders = consoleCommand(
  {
    name: "orders",
    usage: "[--status STATUS] [--user NAME] ...",
    about: "Lists the orders that match all given options, newest first.",
    options,
    read: (given) => {
      const { status, user, item, slot, reason, step, since, until, id } = given
      const nowMs = Date.now()
      const instant = (option: string, time: string) => timeOf(option, time, nowMs).toISOString()
      const wanted: OrdersWanted = {
        ...(status !== undefined &&
          { status: oneOf("--status", status, SearchedStatus.literals) }),
        ...(user !== undefined && { username: user.normalize("NFKC") }),
        ...(item !== undefined && { item }),
        ...(slot !== undefined && { slot }),
        ...(reason !== undefined &&
          { reason: oneOf("--reason", reason, FailureReason.literals) }),
        ...(step !== undefined && { step: oneOf("--step", step, StepName.literals) }),
        ...(since !== undefined && { placedAfter: instant("--since", since) }),
        ...(until !== undefined && { placedBefore: instant("--until", until) }),
        ...(id !== undefined && { id: idBeginningOf(id) }),
      }
      return { wanted, paging: pagingOf(given) }
    },
  },
  Effect.fnUntraced(function* ({ api, out }, { wanted, paging }) {
    const { heading, row } = columns(table)
    const found = yield* printPages(
      paging,
      out,
      (page) =>
        Effect.map(api.orders(wanted, page), ({ orders, next }) => ({ rows: orders, next })),
      { heading, print: (order) => out.data(order, () => row(order)) },
    )
    if (found === 0) yield* out.note("There are no such orders.")
  }),
)
