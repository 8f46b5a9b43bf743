/** The sizes of a run's batches: PostgreSQL keeps with each row the transaction that wrote it. */
import type { Databases } from "../stand/databases.ts"

export interface Batches {
  readonly billing: number
  readonly items: number
  readonly slots: number
  /** Orders that became final. */
  readonly decisions: number
}

/** The mean number of rows in a transaction, of orders from this id on. */
export const batchSizes = async (databases: Databases, sinceId: string) => {
  const mean = async (name: keyof Databases, table: string, id: string) => {
    const sql = databases[name]
    const [row] = await sql<[{ rows: number; transactions: number }]>`
      select count(*)::int as rows, count(distinct xmin::text)::int as transactions
      from ${sql(table)} where ${sql(id)} >= ${sinceId}`
    return row.rows / Math.max(1, row.transactions)
  }
  const [billing, items, slots, decisions] = await Promise.all([
    mean("billing", "reservations", "order_id"),
    mean("items", "reservations", "order_id"),
    mean("slots", "reservations", "order_id"),
    mean("orders", "orders", "id"),
  ])
  return { billing, items, slots, decisions } satisfies Batches as Batches
}
