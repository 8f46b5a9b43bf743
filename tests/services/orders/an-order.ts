/** An undecided order, for tests to change. */
import type { Order } from "#services/orders/order.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"

export const anOrder = (change: Partial<Order> = {}): Order => ({
  id: OrderId.make(crypto.randomUUID()),
  username: "ann",
  amountMinor: 1,
  details: { item: 1, slot: "09:00" },
  steps: stepsInForce,
  status: "pending",
  reason: null,
  createdAt: new Date(),
  decidedAt: null,
  timeline: [],
  stuck: null,
  traceparent: null,
  republished: 0,
  ...change,
})
