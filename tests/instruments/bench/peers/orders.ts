/**
 * The work that every peer gets, which is that of the whole bench, and its rows in the orders
 * table: pending before the clock starts, and marked with one update when the saga ends.
 */
import postgres from "postgres"
import { notInARun } from "../work/not-in-a-run.ts"
import { endOf, wantedOrders } from "../work/workload.ts"
import { given } from "./environment.ts"

export type Refusal = "Can not reserve the item" | "Can not get the delivery slot"

export interface Order {
  readonly id: string
  readonly username: string
  readonly amountMinor: number
  readonly item: number
  readonly slot: string
  /** Why this order has to fail, or null if it has to complete. */
  readonly refusal: Refusal | null
}

const refusals = {
  completed: null,
  "no item": "Can not reserve the item",
  "no slot": "Can not get the delivery slot",
} as const
const rowsInStatement = 1000

const sql = postgres(given("ORDERS_DATABASE_URL"), { max: 16, onnotice: () => {} })

/** Puts so many new orders into the table, pending, and resolves with them. */
export const insertPending = async (amount: number): Promise<ReadonlyArray<Order>> => {
  const orders = wantedOrders(amount, "mixed").map(({ createdAtMs: _, ...order }, n): Order => ({
    ...order,
    refusal: refusals[endOf(n)],
  }))
  for (let at = 0; at < amount; at += rowsInStatement) {
    const rows = orders.slice(at, at + rowsInStatement)
    await sql`
      insert into orders (id, username, amount, details, steps, created_at, publish_at)
      select id, username, amount, jsonb_build_object('item', item, 'slot', slot),
        '["money", "item", "slot"]', now(), now() + ${notInARun}::interval
      from unnest(
        ${rows.map(({ id }) => id)}::uuid[],
        ${rows.map(({ username }) => username)}::text[],
        ${rows.map(({ amountMinor }) => amountMinor)}::bigint[],
        ${rows.map(({ item }) => item)}::int[],
        ${rows.map(({ slot }) => slot)}::text[]
      ) as given (id, username, amount, item, slot)`
  }
  return orders
}

/** Marks an order as completed, or as failed if it was refused. Harmless the second time. */
export const mark = async (id: string, refusal: Refusal | null): Promise<void> => {
  await sql`
    update orders set status = ${refusal === null ? "completed" : "failed"}, reason = ${refusal},
      decided_at = now(), publish_at = null
    where id = ${id} and status = 'pending'`
}

export const closeOrders = (): Promise<void> => sql.end({ timeout: 5 })
