/**
 * An order on the wire: what a customer posts, what the orders service answers, and what is put on
 * the order queue. Money is a JSON number with at most two decimals on the wire, and an integer of
 * minor units inside.
 */
import { Schema } from "effect"
import { orderSaga, stepsInForce } from "./order-saga.ts"

/**
 * A UUID in lower case (version 7, so that ids sort by time); branded, since many other texts are
 * UUIDs too.
 */
export const OrderId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u, {
    expected: "an order's id",
    format: "uuid",
  }),
).pipe(Schema.brand("OrderId"))
export type OrderId = typeof OrderId.Type

/** Money on the wire: above 0, at most a billion, at most two decimals. */
export const Amount = Schema.Finite.check(
  Schema.makeFilter((n) => n > 0 && n <= 1_000_000_000 && Math.round(n * 100) / 100 === n, {
    expected: "an amount from 0.01 to 1000000000 with at most two decimals",
    toJsonSchema: () => [{ exclusiveMinimum: 0, maximum: 1_000_000_000 }, true],
  }),
)

/** The minor units of an amount. Exact for every amount that `Amount` accepts. */
export const toMinor = (amount: number): number => Math.round(amount * 100)

/** The amount that a number of minor units stands for. */
export const fromMinor = (minor: number): number => minor / 100

export const ItemId = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

/** A delivery slot is named by its hour and minute, as in "09:00". */
export const SlotTime = Schema.String.check(
  Schema.isPattern(/^([01][0-9]|2[0-3]):[0-5][0-9]$/u, { expected: 'a time such as "09:00"' }),
)

/**
 * What an order wants besides money, defined only here. A field that is added later is optional,
 * since earlier orders lack it.
 */
export const Details = Schema.Struct({
  item: ItemId,
  slot: SlotTime,
})
export type Details = typeof Details.Type

/** What the steps of the saga read of an order. */
export interface OrderContent {
  readonly username: string
  readonly amountMinor: number
  readonly details: Details
}

/**
 * What a customer posts. Clients of the original API send the item and the slot under `details`.
 */
export const NewOrder = Schema.Union([
  Schema.Struct({ amount: Amount, ...Details.fields }),
  Schema.Struct({ amount: Amount, details: Details }),
]).annotate({ identifier: "NewOrder" })
export type NewOrder = typeof NewOrder.Type

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

/** What a compensation that does not get through waits for. It is retried for ever. */
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
