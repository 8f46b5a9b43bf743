/**
 * An order as a sequence of messages between the services, as the page and the terminal draw it.
 * Each message comes from the order, its timeline or its running saga; none is invented.
 */
import { orderSaga, type OrderStep, type ParticipantName } from "#shared/contracts/order-saga.ts"
import type { OrderDetails, StepName, TimelineEntry } from "#shared/contracts/order-state.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"

export type Lane = "customer" | "orders" | "orchestrator" | ParticipantName

/** From left to right; participants in the order of the saga's steps. */
export const lanes: ReadonlyArray<Lane> = [
  "customer",
  "orders",
  "orchestrator",
  ...orderSaga.map(({ at }) => at),
]

/** The row of the saga's table. */
export const rowOf = (step: StepName): OrderStep => orderSaga.find((row) => row.step === step)!

/**
 * place: the order is stored. reserve, cancel: commands to a participant. ask: reads the order's
 * state from the register. complete, abort, settle: decisions. tell: the customer learns how the
 * order ended.
 */
export type MessageKind =
  | "place"
  | "ask"
  | "reserve"
  | "complete"
  | "abort"
  | "cancel"
  | "settle"
  | "tell"

export interface Message {
  readonly kind: MessageKind
  readonly from: Lane
  readonly to: Lane
  /** Null for messages that concern no step. */
  readonly step: StepName | null
  /** Null while there is no answer. */
  readonly outcome: TimelineEntry["outcome"] | "done" | null
  readonly attempts: number
  /** When the answer came, and how long it took; null where this is not on record. */
  readonly at: string | null
  readonly durationMs: number | null
  /** Why the last attempt failed, and when the next one is due; null where none is. */
  readonly cause: string | null
  readonly nextAttemptAt: string | null
}

/** The parts of an order that messages are made from. */
export type Told = Pick<OrderDetails, "status" | "reason" | "createdAt" | "decidedAt" | "timeline">

/**
 * The timeline does not say who cancelled the order: the customer, or an operator for the customer.
 */
const cancelled = "Order cancelled"

/**
 * The messages in the order in which they happened. The last has no outcome while the saga waits
 * for an answer.
 */
export const sequenceOf = (
  order: Told,
  saga: RunningSaga | null = null,
): ReadonlyArray<Message> => {
  const { status, reason, createdAt, decidedAt } = order
  const timeline = [...order.timeline, ...(saga?.timeline ?? []).filter(notIn(order.timeline))]
  const step = (entry: TimelineEntry) =>
    message({
      ...entry,
      kind: entry.action,
      to: rowOf(entry.step).at,
    })
  const isAborted = status === "compensating" || status === "failed"
  const isFinal = status === "completed" || status === "failed"
  return [
    message({ kind: "place", from: "customer", to: "orders", at: createdAt }),
    ...timeline.filter(({ action }) => action === "reserve").map(step),
    ...(status === "completed" ? [message({ kind: "complete", at: decidedAt })] : []),
    ...(isAborted
      ? [message({ kind: "abort", from: reason === cancelled ? "customer" : "orchestrator" })]
      : []),
    ...timeline.filter(({ action }) => action === "cancel").map(step),
    ...(status === "failed" ? [message({ kind: "settle", at: decidedAt })] : []),
    ...(isFinal ? [message({ kind: "tell", from: "orders", to: "customer" })] : []),
    ...(saga === null || isFinal ? [] : [waitingFor(saga)]),
  ]
}

/** Keeps the entries of the saga that are not in the register's timeline. */
const notIn = (timeline: ReadonlyArray<TimelineEntry>) => ({ step, action }: TimelineEntry) =>
  !timeline.some((entry) => entry.step === step && entry.action === action)

const waitingFor = ({ action, step, attempts, cause, nextAttemptAt }: RunningSaga): Message =>
  message({
    kind: action === "decide" ? "complete" : action,
    to: step === null || action === "ask" || action === "decide" || action === "settle"
      ? "orders"
      : rowOf(step).at,
    step,
    outcome: null,
    attempts,
    cause,
    nextAttemptAt,
  })

const message = (parts: Partial<Message> & Pick<Message, "kind">): Message => ({
  from: "orchestrator",
  to: "orders",
  step: null,
  outcome: "done",
  attempts: 1,
  at: null,
  durationMs: null,
  cause: null,
  nextAttemptAt: null,
  ...parts,
})

/** The steps whose reservations the order holds after these messages. */
export const heldAfter = (messages: ReadonlyArray<Message>): ReadonlySet<StepName> => {
  const held = new Set<StepName>()
  for (const { kind, step, outcome } of messages) {
    if (step === null) continue
    if (kind === "reserve" && outcome === "reserved") held.add(step)
    if (kind === "cancel" && outcome === "cancelled") held.delete(step)
  }
  return held
}
