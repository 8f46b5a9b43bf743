/** An order as the orders service keeps it, and the forms in which it leaves: to its customer and to the queue. */
import {
  type Details,
  type FailureReason,
  fromMinor,
  type OrderDetails,
  OrderId,
  type OrderStatus,
  type OrderView,
  type StuckCompensation,
  type TimelineEntry,
} from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"

/** A row of the orders table. */
export interface Order {
  readonly id: string
  readonly username: string
  readonly amountMinor: number
  readonly details: Details
  readonly steps: OrderMessage["steps"]
  readonly status: OrderStatus
  readonly reason: FailureReason | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
  readonly timeline: ReadonlyArray<TimelineEntry>
  readonly stuck: StuckCompensation | null
  readonly traceparent: string | null
  readonly republished: number
}

export const isFinal = ({ status }: { readonly status: OrderStatus }): boolean =>
  status === "completed" || status === "failed"

/** The order as a list shows it. */
export const viewOf = (order: Order): OrderView => {
  const { username, details, status, reason } = order
  return {
    id: OrderId.make(order.id),
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

/** The order with everything that happened to it. */
export const detailsOf = (order: Order): OrderDetails => ({
  ...viewOf(order),
  timeline: order.timeline,
  stuck: order.stuck,
})

/** The order as the queue carries it. */
export const messageOf = (order: Order): OrderMessage => ({
  orderId: OrderId.make(order.id),
  username: order.username,
  amountMinor: order.amountMinor,
  details: order.details,
  steps: order.steps,
  createdAtMs: order.createdAt.getTime(),
  republished: order.republished,
  ...(order.traceparent !== null && { traceparent: order.traceparent }),
})
