/**
 * One run of an order's saga, in memory only: what it has done so far, and what it still has to
 * undo.
 */
import { type Latch, Schema } from "effect"
import type {
  FailureReason,
  StepName,
  StuckCompensation,
  TimelineEntry,
} from "#shared/contracts/order-state.ts"
import type { OrderStep } from "#shared/contracts/order-saga.ts"
import type { SagaAction } from "#shared/contracts/saga.ts"
import type { Delivery } from "#shared/queue/order-queue.ts"

/** An instant by the two clocks that determine an order's age. */
export interface Now {
  readonly steadyMs: number
  /** Milliseconds since the epoch, by the clock of the orders service, which dates the orders. */
  readonly ordersMs: number
  /** When the orders service last told its time, in steady time. */
  readonly toldAtMs: number
}

/**
 * What an order may wait for: an answer of a step's participant, or of the register. A request to
 * the register has no step.
 */
export interface Request {
  readonly action: SagaAction
  readonly step: StepName | null
}

/** The participant has recorded a rejection: the same reserve is rejected for ever. */
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", {}) {}

/** The participant has a cancel of this order on record: another run is already undoing it. */
export class Cancelled extends Schema.TaggedClass<Cancelled>()("Cancelled", {}) {}

/** The order's deadline passed before it was decided. */
export class DeadlinePassed extends Schema.TaggedClass<DeadlinePassed>()("DeadlinePassed", {}) {}

/** The register says that the order is to be undone. */
export class Aborted extends Schema.TaggedClass<Aborted>()("Aborted", {}) {}

/**
 * Everything that turns an order round. A failed call is not among them, so turning round on one
 * does not compile.
 */
export type Refusal = Rejected | Cancelled | DeadlinePassed | Aborted

/**
 * How the saga of an order ends. `unknown`: the register has no such order; it was undone, in case
 * it had begun. `buried`: only a person can help.
 */
export const sagaEnds = ["completed", "failed", "unknown", "buried"] as const
export type SagaEnd = typeof sagaEnds[number]

/** The wait of orders before the next attempt of their request. */
export interface Wait {
  /** When it is over, in milliseconds since the epoch, by this process's wall clock. */
  readonly overAtMs: number
  /** The orders whose wait is cut short. */
  readonly woken: Set<OrderRun>
  readonly wake: Latch.Latch
}

export interface OrderRun {
  readonly delivery: Delivery
  /** When it was taken, in steady time. */
  readonly takenAtMs: number
  /** The order's age at that time, by the clock of the orders service. */
  readonly ageMs: number
  /** What happened since the last report to the register. */
  timeline: Array<TimelineEntry>
  /** Why it turned round; undefined while it goes forward. */
  refusal: Refusal | undefined
  /** The reason in the abort that this run asked for. */
  reason: FailureReason | undefined
  /**
   * How many rows of the table, from the first on, have their compensation armed for this order.
   */
  armed: number
  /** The request that it waits for, how often it was sent, and when first, in steady time. */
  request: Request | undefined
  attempts: number
  startedAtMs: number
  /** How the request last failed; empty when it did not. */
  failure: string
  /** The wait until its next attempt. */
  wait: Wait | undefined
  stuck: StuckCompensation | undefined
  /** How it ended, once it has; and why, when it is buried. */
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

/** Whether an earlier run may have made progress; then the register is asked first. */
export const isAgain = ({ delivery: { message, redelivered } }: OrderRun): boolean =>
  redelivered || message.republished > 0

/**
 * The order's age: its age when it was taken, plus the time since. The clock of the orders service
 * may have been misjudged then, or been set since, so the age is at most what that clock says now,
 * and at least the time since the order was taken.
 */
export const ageMsOf = ({ delivery, takenAtMs, ageMs }: OrderRun, now: Now): number => {
  const inHandMs = now.steadyMs - takenAtMs
  const byOrdersMs = now.ordersMs - delivery.message.createdAtMs
  return Math.max(inHandMs, Math.min(ageMs + inHandMs, byOrdersMs))
}

/** Ends the run: only a person can help. */
export const bury = (run: OrderRun, cause: string): void => {
  run.end = "buried"
  run.cause = cause
}

/** Turns the order round: its armed rows are undone. */
export const turnRound = (run: OrderRun, refusal: Refusal, armed: number): void => {
  run.refusal = refusal
  run.armed = armed
}

/** Cached: orders that share a request and its outcome mostly have the same entry. */
const latest = new Map<
  TimelineEntry["outcome"],
  { readonly atMs: number; readonly entry: TimelineEntry }
>()

/** When an answer came, by the wall clock and in steady time. */
export interface Answered {
  readonly atMs: number
  readonly steadyMs: number
}

/** Adds the outcome of the request to the order's timeline. */
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

/** Takes the entries that are to be reported to the register now. */
export const takeTimeline = (run: OrderRun): ReadonlyArray<TimelineEntry> => {
  const { timeline } = run
  run.timeline = []
  return timeline
}
