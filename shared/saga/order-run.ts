/** One run of an order's saga, in memory only: what it has done so far, and what it still has to undo. A small record. */
import type { StuckCompensation, TimelineEntry } from "#shared/contracts/order.ts"
import type { OrderStep } from "#shared/contracts/order-saga.ts"
import type { Delivery } from "#shared/queue/order-queue.ts"
import type { Refusal, SagaEnd } from "./saga.ts"

export interface OrderRun {
  readonly delivery: Delivery
  /** Milliseconds since the epoch: an order that is not decided by then is aborted. */
  readonly deadlineMs: number
  /** What happened since the register was last told. */
  timeline: Array<TimelineEntry>
  /** Why it turns round; it goes forward while there is none. */
  refusal: Refusal | undefined
  /** Of so many rows of the table, from the first on, its compensation is armed. */
  armed: number
  /** The request that it waits for: how often it was sent, and when first. */
  attempts: number
  startedAtMs: number
  /** How it failed last. */
  failure: string
  stuck: StuckCompensation | undefined
  /** How it ended, once it has, and why it is buried. */
  end: SagaEnd | undefined
  cause: string
}

export const orderRun = (delivery: Delivery, deadlineMs: number): OrderRun => ({
  delivery,
  deadlineMs: delivery.message.createdAtMs + deadlineMs,
  timeline: [],
  refusal: undefined,
  armed: 0,
  attempts: 0,
  startedAtMs: 0,
  failure: "",
  stuck: undefined,
  end: undefined,
  cause: "",
})

export const orderIdOf = ({ delivery }: OrderRun) => delivery.message.orderId

/** Whether the order was accepted with this step. */
export const hasStep = ({ delivery }: OrderRun, { step }: OrderStep): boolean =>
  delivery.message.steps.includes(step)

/** An earlier run may have got somewhere, so the register is asked before anything is done. */
export const isAgain = ({ delivery: { message, redelivered } }: OrderRun): boolean =>
  redelivered || message.republished > 0

/** Only a person can help it on. */
export const bury = (run: OrderRun, cause: string): void => {
  run.end = "buried"
  run.cause = cause
}

/** Turns the order round: what it has armed is undone. */
export const turnRound = (run: OrderRun, refusal: Refusal, armed: number): void => {
  run.refusal = refusal
  run.armed = armed
}

/** Orders that share a request and its outcome mostly have the same entry, so it is made once. */
const latest = new Map<
  TimelineEntry["outcome"],
  { readonly atMs: number; readonly entry: TimelineEntry }
>()

/** Writes what the request came to into the order's timeline. */
export const answered = (
  run: OrderRun,
  { step }: OrderStep,
  action: TimelineEntry["action"],
  outcome: TimelineEntry["outcome"],
  atMs: number,
): void => {
  const { attempts, startedAtMs } = run
  const durationMs = atMs - startedAtMs
  let last = latest.get(outcome)
  if (
    last?.atMs !== atMs || last.entry.step !== step || last.entry.action !== action ||
    last.entry.attempts !== attempts || last.entry.durationMs !== durationMs
  ) {
    const at = new Date(atMs).toISOString()
    last = { atMs, entry: { step, action, outcome, attempts, at, durationMs } }
    latest.set(outcome, last)
  }
  run.timeline.push(last.entry)
}

/** Takes what the register is to be told now. */
export const takeTimeline = (run: OrderRun): ReadonlyArray<TimelineEntry> => {
  const { timeline } = run
  run.timeline = []
  return timeline
}
