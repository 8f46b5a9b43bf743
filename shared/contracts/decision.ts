/**
 * The decision register (orders): POST /internal/decisions. The first decision wins; the answer is
 * the state that holds now, whoever made it, and is what the orchestrator acts on.
 */
import { Schema } from "effect"
import { FailureReason, OrderId, OrderStatus, StuckCompensation, TimelineEntry } from "./order.ts"
import { maxBatch } from "./reservation.ts"

/**
 * ask: changes nothing. complete: pending -> completed. abort: pending -> compensating, with its
 * reason; said again of an order that is compensating, it tells what the compensation waits for.
 * settle: compensating -> failed.
 */
const PackedDecision = Schema.Struct({
  orderId: OrderId,
  decision: Schema.Literals(["ask", "complete", "abort", "settle"]),
  reason: Schema.optionalKey(FailureReason),
  /** Its place among the timelines of the request. */
  timeline: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  stuck: Schema.optionalKey(StuckCompensation),
}).annotate({ identifier: "Decision" })

type Timeline = ReadonlyArray<TimelineEntry>

/** What is recorded of an order, and what happened to it since the last decision. */
export interface Decision extends Omit<typeof PackedDecision.Type, "timeline"> {
  readonly timeline: Timeline
}

/** `unknown`: the register has no such order. */
export const Decided = Schema.Struct({
  orderId: OrderId,
  status: Schema.Literals([...OrderStatus.literals, "unknown"]),
}).annotate({ identifier: "Decided" })
export type Decided = typeof Decided.Type

/**
 * Orders that go through a wave together have the same timeline: a request has each timeline once.
 */
export const DecisionRequest = Schema.Struct({
  decisions: Schema.Array(PackedDecision).check(Schema.isBetweenLength(1, maxBatch)),
  timelines: Schema.Array(Schema.Array(TimelineEntry)),
}).check(
  Schema.makeFilter(
    ({ decisions, timelines }) => decisions.every(({ timeline }) => timeline < timelines.length),
    { expected: "a timeline for each decision" },
  ),
)
export type DecisionRequest = typeof DecisionRequest.Type

/** The request for these decisions. Timelines are the same when their entries are, by identity. */
export const packed = (decisions: ReadonlyArray<Decision>): DecisionRequest => {
  const timelines: Array<Timeline> = []
  const placeOf = (timeline: Timeline) => {
    const known = timelines.findIndex((other) =>
      other.length === timeline.length && other.every((entry, n) => entry === timeline[n])
    )
    return known === -1 ? timelines.push(timeline) - 1 : known
  }
  return {
    decisions: decisions.map((decision) => ({ ...decision, timeline: placeOf(decision.timeline) })),
    timelines,
  }
}

/** The decisions of a request. Those with the same timeline share it. */
export const unpacked = (
  { decisions, timelines }: DecisionRequest,
): ReadonlyArray<Decision> =>
  decisions.map((decision) => ({ ...decision, timeline: timelines[decision.timeline]! }))

export const DecisionResponse = Schema.Struct({ decisions: Schema.Array(Decided) })
