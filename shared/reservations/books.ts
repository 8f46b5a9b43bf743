/**
 * A participant's books, for the audit: what is on record of each order, and whether what each resource started with is
 * still there, as its balance, as what orders hold, or as what completed orders consumed.
 */
import { Context, Effect, Layer } from "effect"
import {
  type Balance,
  type Imbalance,
  maxImbalanced,
  maxPage,
  type PageQuery,
  type Recorded,
} from "#shared/contracts/audit.ts"
import { Database, type Sql } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import type { Resources } from "./reservations-sql.ts"

export class Books extends Context.Service<Books, {
  /** What is on record of the orders in the range, newest order first. */
  readonly page: (query: PageQuery) => Effect.Effect<ReadonlyArray<Recorded>, Transient>
  /** Every resource, at one instant; of those that do not balance the first hundred. */
  readonly balance: Effect.Effect<Balance, Transient>
}>()("unwind/reservations/Books") {}

export const booksLayer = (resources: Resources): Layer.Layer<Books, never, Database> =>
  Layer.effect(
    Books,
    Effect.map(Database, ({ query }) =>
      Books.of({
        page: (range) => query((sql) => selectPage(sql, range)),
        balance: query((sql) => selectBalance(sql, resources)),
      })),
  )

type RecordedRow = Omit<Recorded, "recordedAt"> & { readonly recordedAt: Date }

const selectPage = async (
  sql: Sql,
  { before, after, limit = maxPage }: PageQuery,
): Promise<ReadonlyArray<Recorded>> => {
  const rows = await sql<Array<RecordedRow>>`
    select order_id as "orderId", outcome, resource, quantity, recorded_at as "recordedAt"
    from reservations where true
    ${before === undefined ? sql`` : sql`and order_id < ${before}`}
    ${after === undefined ? sql`` : sql`and order_id > ${after}`}
    order by order_id desc limit ${limit}`
  return rows.map((row) => ({ ...row, recordedAt: row.recordedAt.toISOString() }))
}

/** One statement, so one snapshot. What is held of a resource that is gone does not balance either. */
const selectBalance = async (
  sql: Sql,
  { table, key, balance }: Resources,
): Promise<Balance> => {
  const rows = await sql<Array<Imbalance & { resources: number }>>`
    with held as (
      select resource, sum(quantity) as held from reservations
      where outcome = 'reserved' group by resource
    ), books as (
      select coalesce(${sql(key)}, resource) as resource, coalesce(opening, 0) as opening,
        coalesce(${sql(balance)}, 0) as balance, coalesce(held, 0) as held,
        coalesce(consumed, 0) as consumed
      from ${sql(table)} full join held on resource = ${sql(key)}
    )
    select (select count(*) from ${sql(table)}) as resources, resource, opening, balance,
      held::bigint, consumed
    from (select) one left join books on opening <> balance + held + consumed
      or least(opening, balance, consumed) < 0
    order by resource limit ${maxImbalanced}`
  return {
    resources: rows[0]?.resources ?? 0,
    imbalanced: rows.filter(({ resource }) => resource !== null)
      .map(({ resources: _, ...imbalance }) => imbalance),
  }
}
