/**
 * The orders that a peer runs: lines of JSON on standard input, each of a row that is pending in
 * the orders table. One update marks the row when the saga ends.
 */
import postgres from "postgres"
import { text } from "node:stream/consumers"
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

const sql = postgres(given("ORDERS_DATABASE_URL"), { max: 16, onnotice: () => {} })

/** Resolves with the orders on standard input when it ends. */
export const readOrders = async (): Promise<ReadonlyArray<Order>> => {
  const lines = (await text(process.stdin)).split("\n").filter((line) => line !== "")
  return lines.map((line) => JSON.parse(line) as Order)
}

/** Marks an order as completed, or as failed if it was refused. Harmless the second time. */
export const mark = async (id: string, refusal: Refusal | null): Promise<void> => {
  await sql`
    update orders set status = ${refusal === null ? "completed" : "failed"}, reason = ${refusal},
      decided_at = now(), publish_at = null
    where id = ${id} and status = 'pending'`
}

export const closeOrders = (): Promise<void> => sql.end({ timeout: 5 })
