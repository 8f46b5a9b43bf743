/**
 * `npm run unwind -- stuck` and `retry`: the sagas that wait for their next attempt, and how to
 * retry them now.
 */
import { Effect, Schema } from "effect"
import { Misused } from "#shared/command/understand.ts"
import { oneOf, wholeOf } from "#shared/command/values.ts"
import { StepName } from "#shared/contracts/order-state.ts"
import { maxWoken, SagaAction, type StuckGroup, usuallyWoken } from "#shared/contracts/saga.ts"
import { consoleCommand, reasonOf, reasonOption } from "./console-command.ts"
import { idBeginningOf, orderNamed } from "./order-id.ts"
import { agoOf, type Column, columns, counted, inOf, type Output } from "./output.ts"

const table: ReadonlyArray<Column<StuckGroup>> = [
  { name: "COUNT", width: 6, right: true, of: ({ count }) => counted(count) },
  { name: "ACTION", width: 7, of: ({ action }) => action },
  { name: "STEP", width: 5, of: ({ step }) => step ?? "" },
  { name: "OLDEST", width: 36, of: ({ oldest }) => oldest },
  { name: "SINCE", width: 5, right: true, of: ({ since }) => agoOf(since) },
  { name: "NEXT", width: 8, of: ({ nextAttemptAt }) => inOf(nextAttemptAt) },
  { name: "CAUSE", width: 0, of: ({ cause }) => cause },
]

const noteUnheard = (unheard: ReadonlyArray<string>, out: Output) =>
  Effect.forEach(unheard, (name) => out.note(`No answer: ${name}`), { discard: true })

export const stuck = consoleCommand(
  {
    name: "stuck",
    usage: "",
    about:
      "Shows orders whose last attempt failed, in groups. The group of the oldest order is first.",
    options: {},
    read: () => undefined,
  },
  Effect.fnUntraced(function* ({ api, out }) {
    const { groups, count, unheard } = yield* api.stuck
    const { heading, row } = columns(table)
    if (groups.length > 0) yield* out.heading(heading)
    for (const group of groups) yield* out.data(group, () => row(group))
    yield* noteUnheard(unheard, out)
    if (count > groups.length) {
      yield* out.note(`${count - groups.length} more groups are not shown.`)
    }
    if (count === 0 && unheard.length === 0) yield* out.note("Nothing is stuck.")
    return unheard.length > 0 ? 2 : 0
  }),
)

const isCause = Schema.is(Schema.String.check(Schema.isMaxLength(1_000)))
const text = { type: "string" } as const

export const retry = consoleCommand(
  {
    name: "retry",
    usage: `ORDER --reason TEXT
[--action ACTION] [--step STEP] [--cause TEXT] --reason TEXT
--all --reason TEXT`,
    about:
      `Retries now what waits for its next attempt: one order, or the oldest orders that match (see
"npm run unwind -- stuck"). Attempts that are in progress continue.`,
    options: {
      action: { ...text, value: "ACTION", says: SagaAction.literals.join(", ") },
      step: { ...text, value: "STEP", says: StepName.literals.join(", ") },
      cause: { ...text, value: "TEXT", says: "the exact cause" },
      all: { type: "boolean", says: "everything that waits" },
      "dry-run": { type: "boolean", says: "only count; needs no reason" },
      cap: { ...text, value: "N", says: `at most N orders; default: ${usuallyWoken}` },
      reason: reasonOption,
    },
    words: { least: 0, most: 1, what: "the id of one order" },
    read: (given, [word]) => {
      const { action, step, cause, all = false, "dry-run": dryRun = false, cap, reason } = given
      const filter = {
        ...(action !== undefined && { action: oneOf("--action", action, SagaAction.literals) }),
        ...(step !== undefined && { step: oneOf("--step", step, StepName.literals) }),
        ...(cause !== undefined && { cause: causeOf(cause) }),
      }
      const ways = [word !== undefined, Object.keys(filter).length > 0, all].filter(Boolean)
      if (ways.length === 0) {
        throw new Misused("Give an order, --action, --step, --cause or --all")
      }
      if (ways.length > 1) throw new Misused("Give only one of an order, a filter and --all")
      return {
        order: word === undefined ? undefined : idBeginningOf(word),
        request: {
          ...filter,
          ...(cap !== undefined &&
            { cap: wholeOf("--cap", cap, { least: 1, most: maxWoken, such: 100 }) }),
          ...(dryRun && { dryRun }),
          reason: dryRun && reason === undefined ? "only counted" : reasonOf(reason),
        },
      }
    },
  },
  Effect.fnUntraced(function* ({ api, out }, { order, request }) {
    const orderId = order === undefined ? undefined : yield* orderNamed(api, order)
    const done = yield* api.retry({ ...request, ...(orderId !== undefined && { orderId }) })
    const { waiting, trying, woken, unheard } = done
    yield* out.data(
      done,
      () =>
        `${counted(woken)} retried now; ${counted(waiting)} match and wait, ` +
        `${counted(trying)} match and are already being retried.`,
    )
    yield* noteUnheard(unheard, out)
    if (unheard.length > 0) return 2
    return orderId !== undefined && waiting + trying === 0 ? 1 : 0
  }),
)

const causeOf = (given: string): string => {
  if (isCause(given)) return given
  throw new Misused("--cause allows at most 1000 characters")
}
