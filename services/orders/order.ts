/** An order as the orders service keeps it, and its forms for customers and for the queue. */
import { Schema } from "effect"
import {
  type FailureReason,
  type OrderDetails,
  OrderStatus,
  type OrderView,
  type StuckCompensation,
  type TimelineEntry,
} from "#shared/contracts/order-state.ts"
import { type Details, fromMinor, type OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { json, text } from "#shared/postgres/columns.ts"

/** A row of the orders table. */
export const Order = Schema.Struct({
  id: text<OrderId>(),
  username: Schema.String,
  amountMinor: Schema.Int,
  details: json<Details>(),
  steps: json<OrderMessage["steps"]>(),
  status: OrderStatus,
  reason: Schema.NullOr(text<FailureReason>()),
  createdAt: Schema.Date,
  decidedAt: Schema.NullOr(Schema.Date),
  timeline: json<ReadonlyArray<TimelineEntry>>(),
  stuck: Schema.NullOr(json<StuckCompensation>()),
  traceparent: Schema.NullOr(Schema.String),
  /** How often the sweeper has taken it to publish it again. */
  republished: Schema.Int,
})
export type Order = typeof Order.Type

export const isFinal = ({ status }: { readonly status: string }): boolean =>
  status === "completed" || status === "failed"

/** What a list shows of an order. */
export type Listed = Omit<Order, "steps" | "timeline" | "stuck" | "traceparent" | "republished">

/** The order as a list shows it. */
export const viewOf = (order: Listed): OrderView => {
  const { id, username, details, status, reason } = order
  return {
    id,
    username,
    amount: fromMinor(order.amountMinor),
    ...details,
    details,
    status,
    success: isFinal(order) ? status === "completed" : null,
    reason,
    createdAt: order.createdAt.toISOString(),
    decidedAt: order.decidedAt?.toISOString() ?? null,
  }
}

/** The order with its timeline. */
export const detailsOf = (order: Order): OrderDetails => ({
  ...viewOf(order),
  timeline: order.timeline,
  stuck: order.stuck,
})

/** The order as the queue carries it. */
export const messageOf = (order: Order): OrderMessage => ({
  orderId: order.id,
  username: order.username,
  amountMinor: order.amountMinor,
  details: order.details,
  steps: order.steps,
  createdAtMs: order.createdAt.getTime(),
  republished: order.republished,
  ...(order.traceparent !== null && { traceparent: order.traceparent }),
})
