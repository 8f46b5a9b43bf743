/**
 * The decision register (orders): POST /internal/decisions. The first decision wins; the answer is the state that holds
 * now, whoever made it, and is what the orchestrator acts on.
 */
import { Schema } from "effect"
import { FailureReason, OrderId, OrderStatus, StuckCompensation, TimelineEntry } from "./order.ts"
import { maxBatch } from "./reservation.ts"

/**
 * ask: changes nothing. complete: pending -> completed. abort: pending -> compensating, with its reason; said again of an
 * order that is compensating, it tells what the compensation waits for. settle: compensating -> failed.
 */
export const Decision = Schema.Struct({
  orderId: OrderId,
  decision: Schema.Literals(["ask", "complete", "abort", "settle"]),
  reason: Schema.optionalKey(FailureReason),
  timeline: Schema.Array(TimelineEntry),
  stuck: Schema.optionalKey(StuckCompensation),
}).annotate({ identifier: "Decision" })
export type Decision = typeof Decision.Type

/** `unknown`: the register has no such order. */
export const Decided = Schema.Struct({
  orderId: OrderId,
  status: Schema.Union([OrderStatus, Schema.Literal("unknown")]),
}).annotate({ identifier: "Decided" })
export type Decided = typeof Decided.Type

export const DecisionRequest = Schema.Struct({
  decisions: Schema.Array(Decision).check(Schema.isBetweenLength(1, maxBatch)),
})
export const DecisionResponse = Schema.Struct({ decisions: Schema.Array(Decided) })
