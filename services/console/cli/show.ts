/** `npm run unwind -- show`: everything known of one order, with a sequence diagram. */
import { Effect } from "effect"
import { printable } from "#shared/command/printable.ts"
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import type { WholeOrder } from "#shared/contracts/order-search.ts"
import type { DeadLetterView } from "#shared/contracts/queue.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"
import { consoleCommand } from "./console-command.ts"
import { drawDiagram } from "./diagram.ts"
import { idBeginningOf, orderNamed } from "./order-id.ts"
import { stuckWords } from "./orders.ts"
import { agoOf, inOf, type Output, spanOf } from "./output.ts"
import { type Terminal, terminalFor } from "./terminal.ts"

export const show = consoleCommand(
  {
    name: "show",
    usage: "ORDER",
    about:
      `Shows one order: its state and the reason, a sequence diagram, what its saga does now, what
the participants have on record, and its dead letter. The beginning of its id is enough.`,
    options: {},
    words: { least: 1, most: 1, what: "the id of one order" },
    read: (_, [word = ""]) => idBeginningOf(word),
  },
  Effect.fnUntraced(function* ({ api, out }, beginning) {
    const one = yield* api.order(yield* orderNamed(api, beginning))
    const terminal = terminalFor(process.stdout.isTTY, process.env)
    yield* out.data(one, () => wordsOf(one, terminal))
    yield* noteAway(one, out)
    return one.unavailable.length > 0 ? 2 : 0
  }),
)

/** Notes the services that did not answer. */
export const noteAway = ({ unavailable }: Pick<OneOrder, "unavailable">, out: Output) =>
  Effect.forEach(
    unavailable,
    ({ service, message }) => out.note(`${service} did not answer: ${message}`),
    { discard: true },
  )

/** The whole output, for people. */
export const wordsOf = (
  { order, saga, records, letter }: OneOrder,
  { paint, spell }: Terminal,
): string =>
  [
    ...(order === null ? [] : [
      ...headOf(order),
      "",
      // The running saga knows steps that the register has not recorded yet.
      spell(
        drawDiagram({ ...order, timeline: [...order.timeline, ...saga?.timeline ?? []] }, paint),
      ),
      "",
    ]),
    ...(saga === null ? [] : [`Now      ${nowOf(saga)}`]),
    ...records.map(({ participant, recorded }, n) =>
      `${n === 0 ? "Records" : ""}`.padEnd(9) + `${participant}: ` +
      (recorded === null
        ? "nothing"
        : `${recorded.outcome} ${recorded.quantity} of ${printable(recorded.resource)}`)
    ),
    ...(letter === null ? [] : [`Letter   ${letterOf(letter)}`]),
  ].join("\n").trimEnd()

const headOf = (order: WholeOrder): ReadonlyArray<string> => {
  const { id, status, reason, username, amount, item, slot, createdAt, decidedAt } = order
  const decided = decidedAt === null
    ? ""
    : `, decided after ${Date.parse(decidedAt) - Date.parse(createdAt)} ms`
  return [
    `Order    ${id}: ${status}${reason === null ? "" : ` (${reason})`}`,
    `Wanted   ${amount} for item ${item} in slot ${slot}, by ${printable(username)}`,
    `Placed   ${createdAt} (${agoOf(createdAt)} ago)${decided}`,
    ...(order.stuck === null ? [] : [`Stuck    ${printable(stuckWords(order.stuck))}`]),
    ...(order.republished === 0
      ? []
      : [`Queue    requeued ${order.republished} times, next ${inOf(order.republishAt)}`]),
    ...(order.traceId === null ? [] : [`Trace    ${order.traceId}`]),
  ]
}

const whatOf = ({ action, step }: RunningSaga): string =>
  step === null ? `${action} at the register` : `${action} ${step}`

/** What a saga does now. */
export const nowOf = (saga: RunningSaga): string => {
  const { orchestrator, attempts, since, cause, nextAttemptAt, holds } = saga
  const tried = attempts > 1
    ? `, attempt ${attempts} after ${spanOf(Date.now() - Date.parse(since))}`
    : ""
  const next = nextAttemptAt === null ? "" : `, next ${inOf(nextAttemptAt)}`
  return printable(
    `${whatOf(saga)} (${orchestrator})${tried}${next}${
      cause === null ? "" : `: ${cause}`
    }; holds ` +
      (holds.length === 0 ? "nothing" : holds.join(", ")),
  )
}

const letterOf = ({ id, buriedAt, count, cause }: DeadLetterView): string =>
  printable(`${id}, ${agoOf(buriedAt)} ago, ${count} times: ${cause}`)
