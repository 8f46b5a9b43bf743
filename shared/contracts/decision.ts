/**
 * The decision register (orders): POST /internal/decisions. The first decision wins. The answer is
 * the order's current state, whichever request decided it, and the orchestrator acts on it.
 */
import { Schema } from "effect"
import { FailureReason, OrderStatus, StuckCompensation, TimelineEntry } from "./order-state.ts"
import { OrderId } from "./order.ts"
import { maxBatch } from "./reservation.ts"

/**
 * ask: changes nothing. complete: pending -> completed. abort: pending -> compensating, with its
 * reason; repeated for a compensating order, it reports what the compensation waits for. settle:
 * compensating -> failed.
 */
const PackedDecision = Schema.Struct({
  orderId: OrderId,
  decision: Schema.Literals(["ask", "complete", "abort", "settle"]),
  reason: Schema.optionalKey(FailureReason),
  /** The index of its timeline in the request. */
  timeline: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  stuck: Schema.optionalKey(StuckCompensation),
}).annotate({ identifier: "Decision" })

type Timeline = ReadonlyArray<TimelineEntry>

/** A decision about an order, and what happened to the order since the last decision. */
export interface Decision extends Omit<typeof PackedDecision.Type, "timeline"> {
  readonly timeline: Timeline
}

/** `unknown`: the register has no such order. */
export const Decided = Schema.Struct({
  orderId: OrderId,
  status: Schema.Literals([...OrderStatus.literals, "unknown"]),
}).annotate({ identifier: "Decided" })
export type Decided = typeof Decided.Type

/** Orders of one wave often have the same timeline, so a request carries each timeline once. */
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

/** Packs decisions into a request. Timelines are equal when their entries are the same objects. */
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

/** Unpacks the decisions of a request. Decisions with the same timeline share it. */
export const unpacked = (
  { decisions, timelines }: DecisionRequest,
): ReadonlyArray<Decision> =>
  decisions.map((decision) => ({ ...decision, timeline: timelines[decision.timeline]! }))

export const DecisionResponse = Schema.Struct({ decisions: Schema.Array(Decided) })
