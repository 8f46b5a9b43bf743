/** Orders on their way in: from a posted body to the message for the queue, the row and the answer. */
import type { IncomingHttpHeaders } from "node:http"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { Sql } from "./database.ts"
import { newOrderId } from "./order-id.ts"

/** How long after its making the product's sweeper puts an order on the queue again. */
const republishAfterMs = 30_000

/** The order that a customer posted. */
export const orderOf = (text: string, headers: IncomingHttpHeaders): OrderMessage => {
  const { amount, item, slot } = JSON.parse(text) as {
    readonly amount: number
    readonly item: number
    readonly slot: string
  }
  const createdAtMs = Date.now()
  const username = String(headers["x-username"])
  const amountMinor = Math.round(amount * 100)
  const orderId = newOrderId(createdAtMs)
  return { orderId, username, amountMinor, item, slot, createdAtMs, republished: 0 }
}

/** The order as its customer sees it, in JSON. */
export const viewOf = (order: OrderMessage): string => {
  const { orderId, username, amountMinor, item, slot, createdAtMs } = order
  return JSON.stringify({
    id: orderId,
    username,
    amount: amountMinor / 100,
    item,
    slot,
    details: { item, slot },
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
    insert into orders (id, username, amount, item, slot, created_at, publish_at)
    select id, username, amount, item, slot, to_timestamp(created_at_ms / 1000.0),
      to_timestamp((created_at_ms + ${republishAfterMs}) / 1000.0)
    from unnest(
      ${orders.map(({ orderId }) => orderId)}::uuid[],
      ${orders.map(({ username }) => username)}::text[],
      ${orders.map(({ amountMinor }) => amountMinor)}::bigint[],
      ${orders.map(({ item }) => item)}::int[],
      ${orders.map(({ slot }) => slot)}::text[],
      ${orders.map(({ createdAtMs }) => createdAtMs)}::bigint[]
    ) as given (id, username, amount, item, slot, created_at_ms)`
}
