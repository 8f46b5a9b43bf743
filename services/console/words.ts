/** The console's wording, shared by the page and the terminal. */
import type { OrderDetails, OrderStatus, StepName } from "#shared/contracts/order-state.ts"
import type { Details } from "#shared/contracts/order.ts"
import type { SagaAction } from "#shared/contracts/saga.ts"
import { type Message, rowOf } from "./sequence.ts"

/** The parts of an order that the wording needs. */
export interface Wanted {
  readonly username: string
  readonly amount: number
  readonly details: Details
}

const twoDecimals = new Intl.NumberFormat("en", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
})

export const money = (amount: number): string => twoDecimals.format(amount)

/** What a step takes of an order: "5.00", "item 3", "slot 09:00". */
export const wantOf = (step: StepName, { username, amount, details }: Wanted): string => {
  if (step === "money") return money(amount)
  const [resource] = rowOf(step).takes({
    username,
    amountMinor: Math.round(amount * 100),
    details,
  })
  return `${step} ${resource}`
}

/** What the message requests. */
export const requestWords = (message: Message, order: Wanted & Pick<OrderDetails, "reason">) => {
  const want = message.step === null ? "" : wantOf(message.step, order)
  switch (message.kind) {
    case "place":
      return "place the order"
    case "ask":
      return "ask for the order's state"
    case "reserve":
      return `reserve ${want}`
    case "complete":
      return "complete"
    case "abort":
      return message.from === "customer" ? "cancel the order" : `abort: ${order.reason}`
    case "cancel":
      return `undo ${want}`
    case "settle":
      return "settle: nothing is held"
    case "tell":
      return order.reason === null ? "completed" : `failed: ${order.reason}`
  }
}

const answers: Readonly<Record<string, string>> = {
  place: "stored, pending",
  complete: "completed",
  abort: "compensating",
  settle: "failed",
  "reserve reserved": "reserved",
  "reserve rejected": "rejected",
  "reserve cancelled": "already cancelled",
  "cancel cancelled": "undone",
}

/** The answer, with the number of attempts where it was not the first; null while there is none. */
export const answerWords = ({ kind, outcome, attempts }: Message): string | null => {
  if (outcome === null || kind === "tell") return null
  const word = answers[kind] ?? answers[`${kind} ${outcome}`] ?? outcome
  return attempts > 1 ? `${word} after ${attempts} attempts` : word
}

/** The states of orders, for people. */
export const statusWords: Readonly<Record<OrderStatus, string>> = {
  pending: "Pending",
  completed: "Completed",
  compensating: "Undoing",
  failed: "Failed",
}

/** What a saga waits for, as in "reserve the money at billing". */
export const waitWords = (action: SagaAction, step: StepName | null): string => {
  if (action === "ask") return "read the order's state at orders"
  if (action === "decide") return "record the decision at orders"
  if (action === "settle") return "settle the order at orders"
  const verb = action === "reserve" ? "reserve" : "undo"
  return step === null ? verb : `${verb} the ${step} at ${rowOf(step).at}`
}

const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 2, useGrouping: false })

/** A duration in milliseconds, for people: "3 ms", "1.2 s", "5 min". */
export const durationWords = (ms: number): string => {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_500) return `${short.format(ms / 1000)} s`
  if (ms < 3_570_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 129_600_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}

/** "a", "a and b", "a, b and c". */
export const listWords = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`
