/** Intake: from a posted body to the message for the queue, the row and the answer. */
import type { IncomingHttpHeaders } from "node:http"
import type { Sql } from "./database.ts"
import { newOrderId } from "./order-id.ts"
import { stepNames } from "./steps.ts"
import type { Details, OrderMessage } from "./wire.ts"

/** The steps of every order, as JSON for their column. */
const steps = JSON.stringify(stepNames)

/** The time from an order's creation until the product's sweeper would publish it again. */
const republishAfterMs = 30_000

/** The order that a customer posted. */
export const orderOf = (text: string, headers: IncomingHttpHeaders): OrderMessage => {
  const { amount, ...details } = JSON.parse(text) as Details & { readonly amount: number }
  const createdAtMs = Date.now()
  const username = String(headers["x-username"])
  const amountMinor = Math.round(amount * 100)
  const orderId = newOrderId(createdAtMs)
  return {
    ...{ orderId, username, amountMinor, details, createdAtMs },
    ...{ steps: stepNames, republished: 0 },
  }
}

/** The order as its customer sees it, in JSON. */
export const viewOf = (order: OrderMessage): string => {
  const { orderId, username, amountMinor, details, createdAtMs } = order
  return JSON.stringify({
    id: orderId,
    username,
    amount: amountMinor / 100,
    ...details,
    details,
    status: "pending",
    success: null,
    reason: null,
    createdAt: new Date(createdAtMs).toISOString(),
    decidedAt: null,
  })
}

/** Stores new orders. */
export const insertOrders = async (
  sql: Sql,
  orders: ReadonlyArray<OrderMessage>,
): Promise<void> => {
  await sql`
    insert into orders (id, username, amount, details, steps, created_at, publish_at)
    select id, username, amount, details::jsonb, ${steps}::text::jsonb,
      to_timestamp(created_at_ms / 1000.0),
      to_timestamp((created_at_ms + ${republishAfterMs}) / 1000.0)
    from unnest(
      ${orders.map(({ orderId }) => orderId)}::uuid[],
      ${orders.map(({ username }) => username)}::text[],
      ${orders.map(({ amountMinor }) => amountMinor)}::bigint[],
      ${orders.map(({ details }) => JSON.stringify(details))}::text[],
      ${orders.map(({ createdAtMs }) => createdAtMs)}::bigint[]
    ) as given (id, username, amount, details, created_at_ms)`
}
