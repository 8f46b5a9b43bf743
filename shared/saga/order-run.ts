/**
 * One run of an order's saga, in memory only: what it has done so far, and what it still has to
 * undo. A small record.
 */
import type {
  FailureReason,
  StepName,
  StuckCompensation,
  TimelineEntry,
} from "#shared/contracts/order.ts"
import type { OrderStep } from "#shared/contracts/order-saga.ts"
import type { SagaAction } from "#shared/contracts/saga.ts"
import type { Delivery } from "#shared/queue/order-queue.ts"
import type { Refusal, SagaEnd } from "./saga.ts"
import type { Wait } from "./wait.ts"

/** A moment, as both clocks have it that tell how old an order is. */
export interface Now {
  readonly steadyMs: number
  /**
   * Milliseconds since the epoch, by the clock of the orders service, which says when an order was
   * made.
   */
  readonly ordersMs: number
  /** When orders last said so, by steady time. */
  readonly toldAtMs: number
}

/**
 * What an order may wait for: an answer of a step's participant, or of the register, which knows of
 * no steps.
 */
export interface Request {
  readonly action: SagaAction
  readonly step: StepName | null
}

export interface OrderRun {
  readonly delivery: Delivery
  /** When it was taken, by steady time. */
  readonly takenAtMs: number
  /** How old the order was then, by the clock of orders. */
  readonly ageMs: number
  /** What happened since the register was last told. */
  timeline: Array<TimelineEntry>
  /** Why it turns round; it goes forward while there is none. */
  refusal: Refusal | undefined
  /** Why it fails, by the decision that this run asked for. */
  reason: FailureReason | undefined
  /** Of so many rows of the table, from the first on, its compensation is armed. */
  armed: number
  /** The request that it waits for: how often it was sent, and when first, by steady time. */
  request: Request | undefined
  attempts: number
  startedAtMs: number
  /** How it failed last; empty when it did not. */
  failure: string
  /** Until its next try. */
  wait: Wait | undefined
  stuck: StuckCompensation | undefined
  /** How it ended, once it has, and why it is buried. */
  end: SagaEnd | undefined
  cause: string
}

export const orderRun = (delivery: Delivery, now: Now): OrderRun => ({
  delivery,
  takenAtMs: now.steadyMs,
  ageMs: now.ordersMs - delivery.message.createdAtMs,
  timeline: [],
  refusal: undefined,
  reason: undefined,
  armed: 0,
  request: undefined,
  attempts: 0,
  startedAtMs: 0,
  failure: "",
  wait: undefined,
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

/**
 * How old the order is: as old as it was when it was taken, and the time since. The clock of orders
 * may have been misjudged then, or set since: so the order is no older than that clock says now,
 * and no younger than it has been in hand.
 */
export const ageMsOf = ({ delivery, takenAtMs, ageMs }: OrderRun, now: Now): number => {
  const inHandMs = now.steadyMs - takenAtMs
  const byOrdersMs = now.ordersMs - delivery.message.createdAtMs
  return Math.max(inHandMs, Math.min(ageMs + inHandMs, byOrdersMs))
}

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

/** When an answer came: by the wall clock, and by steady time. */
export interface Answered {
  readonly atMs: number
  readonly steadyMs: number
}

/** Writes what the request came to into the order's timeline. */
export const answered = (
  run: OrderRun,
  { step }: OrderStep,
  action: TimelineEntry["action"],
  outcome: TimelineEntry["outcome"],
  { atMs, steadyMs }: Answered,
): void => {
  const { attempts, startedAtMs } = run
  const durationMs = Math.round(steadyMs - startedAtMs)
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
