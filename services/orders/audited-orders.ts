/**
 * Orders with their status for the audit, a page at a time; the unfinished ones; and whether a user
 * has any.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { AuditedOrder, maxPage, type PageQuery, Unfinished } from "#shared/contracts/audit.ts"
import { isoTime } from "#shared/postgres/columns.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"

export class AuditedOrders extends Context.Service<AuditedOrders, {
  /** The orders in the range, newest first. */
  readonly page: (query: PageQuery) => Effect.Effect<ReadonlyArray<AuditedOrder>, Transient>
  readonly unfinished: Effect.Effect<Unfinished, Transient>
  /** Whether a user has unfinished orders. */
  readonly hasUnfinished: (username: string) => Effect.Effect<boolean, Transient>
}>()("unwind/orders/AuditedOrders") {
  static readonly layer: Layer.Layer<AuditedOrders, never, Database> = Layer.effect(
    AuditedOrders,
    Effect.map(Database, ({ query }) =>
      AuditedOrders.of({
        page: (range) => query((sql) => selectPage(sql, range)),
        unfinished: query(selectUnfinished),
        hasUnfinished: (username) =>
          query((sql) =>
            Effect.map(
              sql`
                select from orders where username = ${username} and publish_at is not null limit 1`,
              (count) => count > 0,
            )
          ),
      })),
  )
}

const AuditedOrderRow = Schema.Struct({
  ...AuditedOrder.fields,
  createdAt: isoTime,
  decidedAt: Schema.NullOr(isoTime),
})

const selectPage = (sql: Sql, { before, after, limit = maxPage }: PageQuery) =>
  sql.rows(AuditedOrderRow)`
    select id as "orderId", status, username, amount as "amountMinor", details, steps,
      created_at as "createdAt", decided_at as "decidedAt", stuck
    from orders where true
    ${before === undefined ? sql.part`` : sql.part`and id < ${before}`}
    ${after === undefined ? sql.part`` : sql.part`and id > ${after}`}
    order by id desc limit ${limit}`

/**
 * Uses the index on publish_at, which has exactly the unfinished orders; in the order of ids every
 * order would be read.
 */
const selectUnfinished = (sql: Sql): Effect.Effect<Unfinished> =>
  Effect.map(
    sql.row(Unfinished)`
      with unfinished as materialized (select id from orders where publish_at is not null)
      select (select id from unfinished order by id limit 1) as oldest,
        (select count(*) from unfinished) as count`,
    (row) => row!,
  )
