/**
 * The state of an order: its status, why it failed, what happened to it, and how its customer sees
 * it. The steps and reasons derive from the saga's table.
 */
import { Schema } from "effect"
import { Details, OrderId } from "./order.ts"
import { orderSaga, stepsInForce } from "./order-saga.ts"

export const OrderStatus = Schema.Literals(["pending", "completed", "compensating", "failed"])
export type OrderStatus = typeof OrderStatus.Type

/** The reason of an order that was not decided by its deadline. */
export const timedOut = "Order timed out"

/** The reason of an order that was cancelled before it was decided. */
export const orderCancelled = "Order cancelled"

/** Why an order failed, word for word. */
export const FailureReason = Schema.Literals([
  ...orderSaga.map(({ refusal }) => refusal),
  timedOut,
  orderCancelled,
])
export type FailureReason = typeof FailureReason.Type

export const StepName = Schema.Literals(orderSaga.map(({ step }) => step))
export type StepName = typeof StepName.Type

/** The steps that an order was accepted with, in the order of the table. */
export const Steps = Schema.Array(StepName).check(
  Schema.makeFilter((names) => {
    const rows = names.map((name) => stepsInForce.indexOf(name))
    return rows.length > 0 && rows.every((row, n) => n === 0 || row > rows[n - 1]!)
  }, { expected: "steps of the saga, in the order of its table" }),
)

/** One answered reserve or cancel. */
export const TimelineEntry = Schema.Struct({
  step: StepName,
  action: Schema.Literals(["reserve", "cancel"]),
  outcome: Schema.Literals(["reserved", "rejected", "cancelled"]),
  attempts: Schema.Int,
  at: Schema.String,
  durationMs: Schema.Finite,
}).annotate({ identifier: "TimelineEntry" })
export type TimelineEntry = typeof TimelineEntry.Type

/** What a stuck compensation waits for. It is retried for ever. */
export const StuckCompensation = Schema.Struct({
  step: StepName,
  cause: Schema.String,
  attempts: Schema.Int,
  nextAttemptAt: Schema.String,
}).annotate({ identifier: "StuckCompensation" })
export type StuckCompensation = typeof StuckCompensation.Type

const orderFields = {
  id: OrderId,
  username: Schema.String,
  amount: Schema.Finite,
  ...Details.fields,
  details: Details,
  status: OrderStatus,
  success: Schema.NullOr(Schema.Boolean),
  reason: Schema.NullOr(FailureReason),
  createdAt: Schema.String,
  decidedAt: Schema.NullOr(Schema.String),
}

/** An order as its customer sees it. */
export const OrderView = Schema.Struct(orderFields).annotate({ identifier: "Order" })
export type OrderView = typeof OrderView.Type

/** An order with everything that happened to it. */
export const OrderDetails = Schema.Struct({
  ...orderFields,
  timeline: Schema.Array(TimelineEntry),
  stuck: Schema.NullOr(StuckCompensation),
}).annotate({ identifier: "OrderDetails" })
export type OrderDetails = typeof OrderDetails.Type
