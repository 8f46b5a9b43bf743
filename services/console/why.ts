/** Explains the state of an order in one or two sentences. */
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OrderDetails, StepName } from "#shared/contracts/order-state.ts"
import type { DeadLetterView } from "#shared/contracts/queue.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"
import { rowOf } from "./sequence.ts"
import { listWords, waitWords, wantOf } from "./words.ts"

export interface Known {
  readonly order: OrderDetails
  readonly saga?: RunningSaga | null
  readonly letter?: DeadLetterView | null
}

/** Why the order is in its state. */
export const why = ({ order, saga = null, letter = null }: Known): string => {
  switch (order.status) {
    case "completed":
      return completedWords(order)
    case "failed":
      return `${beginningOf(order)} ${undoneWords(order)}`
    case "compensating":
      return `${beginningOf(order)} ${undoingWords(order, saga)}`
    case "pending":
      return pendingWords(saga, letter)
  }
}

/** By the order's own timeline: the saga's table may have more rows by now. */
const completedWords = ({ timeline }: OrderDetails): string => {
  const names = timeline.filter(({ action }) => action === "reserve")
    .map(({ step }) => rowOf(step).at)
  const have = names.length === 1 ? "has reserved its" : "have each reserved their"
  return `${listWords(names)} ${have} part, so the order is complete.`
}

/** Why the order was not completed. */
const beginningOf = (order: OrderDetails): string => {
  const refused = orderSaga.find(({ refusal }) => refusal === order.reason)
  if (refused !== undefined) {
    return `${refused.at} rejected ${wantOf(refused.step, order)}: “${order.reason}”.`
  }
  return order.reason === "Order timed out"
    ? "The order was not decided before its deadline."
    : "The order was cancelled before it was decided."
}

const undone = (order: OrderDetails): ReadonlyArray<StepName> =>
  order.timeline.filter(({ action, outcome }) => action === "cancel" && outcome === "cancelled")
    .map(({ step }) => step)

const namesOf = (steps: ReadonlyArray<StepName>) => listWords(steps.map((step) => `the ${step}`))

const were = (steps: ReadonlyArray<StepName>) => steps.length === 1 ? "was" : "were"

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)

const undoneWords = (order: OrderDetails): string => {
  const steps = undone(order)
  if (steps.length === 0) return "Nothing had been reserved, so there was nothing to undo."
  const inReverse = steps.length > 1 ? ", last first" : ""
  return `${capital(namesOf(steps))} ${were(steps)} undone${inReverse}: the order holds nothing.`
}

const undoingWords = (order: OrderDetails, saga: RunningSaga | null): string => {
  const steps = undone(order)
  const before = steps.length === 0 ? "" : `${capital(namesOf(steps))} ${were(steps)} undone. `
  const { stuck } = order
  const failing = saga !== null && saga.action === "cancel" && saga.step !== null && saga.cause
    ? { step: saga.step, cause: saga.cause, attempts: saga.attempts }
    : stuck
  if (failing === null) return `${before}What the order holds is being undone.`
  const { at } = rowOf(failing.step)
  return `${before}Undoing is stuck: ${at} has not undone the ${failing.step} after ` +
    `${failing.attempts} ${failing.attempts === 1 ? "attempt" : "attempts"} ` +
    `(${withoutStop(failing.cause)}). It is retried until it succeeds.`
}

const pendingWords = (saga: RunningSaga | null, letter: DeadLetterView | null): string => {
  if (saga?.cause) {
    return `Its saga cannot ${waitWords(saga.action, saga.step)}: ${withoutStop(saga.cause)}. It ` +
      `is retried until it succeeds, or until the order's deadline.`
  }
  if (saga !== null) return `Its saga is about to ${waitWords(saga.action, saga.step)}.`
  return letter === null
    ? "No orchestrator that answered is working on it: it waits in the queue, or to be put there " +
      "again."
    : `Its queue entry is a dead letter: ${withoutStop(letter.cause)}.`
}

const withoutStop = (text: string) => text.replace(/\.$/, "")
