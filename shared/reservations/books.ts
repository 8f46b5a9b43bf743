/**
 * A participant's books, for the audit: the record of each order, and whether each resource
 * balances. What it started with plus operators' adjustments must equal its balance plus what
 * orders hold plus what completed orders consumed.
 */
import { Context, Effect, Layer, Schema } from "effect"
import {
  type Balance,
  Imbalance,
  maxImbalanced,
  maxPage,
  type PageQuery,
  Recorded,
} from "#shared/contracts/audit.ts"
import { isoTime } from "#shared/postgres/columns.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"
import type { Resources } from "./reservations-sql.ts"

export class Books extends Context.Service<Books, {
  /** The records of the orders in the range, newest order first. */
  readonly page: (query: PageQuery) => Effect.Effect<ReadonlyArray<Recorded>, Transient>
  /** All resources at one instant; names the first hundred that do not balance. */
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

export const RecordedRow = Schema.Struct({ ...Recorded.fields, recordedAt: isoTime })

/** The columns of a RecordedRow. */
export const recordColumns = (sql: Sql) =>
  sql.part`order_id as "orderId", outcome, resource, quantity, recorded_at as "recordedAt"`

const selectPage = (sql: Sql, { before, after, limit = maxPage }: PageQuery) =>
  sql.rows(RecordedRow)`
    select ${recordColumns(sql)}
    from reservations where true
    ${before === undefined ? sql.part`` : sql.part`and order_id < ${before}`}
    ${after === undefined ? sql.part`` : sql.part`and order_id > ${after}`}
    order by order_id desc limit ${limit}`

/** The number of resources, and one of those that do not balance, if any. */
const BalanceRow = Schema.Struct({
  resources: Schema.Int,
  imbalance: Schema.NullOr(Imbalance),
})

/**
 * One statement, so one snapshot. Reservations of a resource that was deleted do not balance
 * either.
 */
const selectBalance = (
  sql: Sql,
  { table, key, balance }: Resources,
): Effect.Effect<Balance> =>
  Effect.map(
    sql.rows(BalanceRow)`
    with held as (
      select resource, sum(quantity) as held from reservations
      where outcome = 'reserved' group by resource
    ), ledger as (
      select resource, sum(change) as adjusted from adjustments group by resource
    ), known as (
      select resource, held, adjusted from held full join ledger using (resource)
    ), books as (
      select coalesce(${sql.part(key)}, resource) as resource, coalesce(opening, 0) as opening,
        coalesce(adjusted, 0) as adjusted, coalesce(${sql.part(balance)}, 0) as balance,
        coalesce(held, 0) as held, coalesce(consumed, 0) as consumed
      from ${sql.part(table)} full join known on resource = ${sql.part(key)}
    )
    select (select count(*) from ${sql.part(table)}) as resources,
      to_json(books) as imbalance
    from (select) one left join books on opening + adjusted <> balance + held + consumed
      or least(opening, balance, consumed) < 0
    order by resource limit ${maxImbalanced}`,
    (rows) => ({
      resources: rows[0]?.resources ?? 0,
      imbalanced: rows.flatMap(({ imbalance }) => imbalance ?? []),
    }),
  )
