/** How orders stand, for the audit: a page of them at a time, and the oldest that is not final. */
import { Context, Effect, Layer } from "effect"
import { maxPage, type PageQuery, type Standing, type Unfinished } from "#shared/contracts/audit.ts"
import { Database, type Sql } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"

export class Standings extends Context.Service<Standings, {
  /** The orders in the range, newest first. */
  readonly page: (query: PageQuery) => Effect.Effect<ReadonlyArray<Standing>, Transient>
  readonly unfinished: Effect.Effect<Unfinished, Transient>
}>()("unwind/orders/Standings") {
  static readonly layer: Layer.Layer<Standings, never, Database> = Layer.effect(
    Standings,
    Effect.map(Database, ({ query }) =>
      Standings.of({
        page: (range) => query((sql) => selectPage(sql, range)),
        unfinished: query(selectUnfinished),
      })),
  )
}

type StandingRow = Omit<Standing, "createdAt" | "decidedAt"> & {
  readonly createdAt: Date
  readonly decidedAt: Date | null
}

const selectPage = async (
  sql: Sql,
  { before, after, limit = maxPage }: PageQuery,
): Promise<ReadonlyArray<Standing>> => {
  const rows = await sql<Array<StandingRow>>`
    select id as "orderId", status, username, amount as "amountMinor", details, steps,
      created_at as "createdAt", decided_at as "decidedAt", stuck
    from orders where true
    ${before === undefined ? sql`` : sql`and id < ${before}`}
    ${after === undefined ? sql`` : sql`and id > ${after}`}
    order by id desc limit ${limit}`
  return rows.map((row) => ({
    ...row,
    createdAt: row.createdAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
  }))
}

/** By way of the index on what is to be published, which holds them all; in the order of ids it would read every order. */
const selectUnfinished = async (sql: Sql): Promise<Unfinished> => {
  const [row] = await sql<[Unfinished]>`
    with unfinished as materialized (select id from orders where publish_at is not null)
    select (select id from unfinished order by id limit 1) as oldest,
      (select count(*) from unfinished) as count`
  return row
}
