/**
 * The statements of a search. They are few, whatever is searched for, so that PostgreSQL keeps few
 * plans and each can be tested.
 */
import { Effect, Schema } from "effect"
import { firstIdAt, type OrderId } from "#shared/contracts/order.ts"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OrderSearchQuery } from "#shared/contracts/order-search.ts"
import { text } from "#shared/postgres/columns.ts"
import type { Part, Sql } from "#shared/postgres/sql.ts"
import { Order } from "./order.ts"

/**
 * The most orders that are examined for a page; PostgreSQL takes some hundredths of a second for
 * them.
 */
export const mostLookedAt = 20_000
/** The most unfinished orders that are sorted by id. */
const mostUnfinished = 10_000

const { id, username, amountMinor, details, status, reason, createdAt, decidedAt, stuck } =
  Order.fields
const Found = Schema.Struct({
  ...{ id, username, amountMinor, details, status, reason, createdAt, decidedAt, stuck },
})
export type Found = typeof Found.Type

const foundColumns = (sql: Sql) =>
  sql.part`id, username, amount as "amountMinor", details, status, reason,
    created_at as "createdAt", decided_at as "decidedAt", stuck`

/** A condition that selects orders to examine. */
type Condition = (sql: Sql) => Part

export interface Lead {
  /** Whether the unfinished orders are examined, unless there are too many. */
  readonly unfinished: boolean
  /**
   * The orders of each of these conditions are examined, too. When orders move from one condition
   * to another, the one that they leave comes first.
   */
  readonly by: ReadonlyArray<Condition>
  /** Replaces both when there are too many unfinished orders. */
  readonly otherwise: ReadonlyArray<Condition>
}

const all: Condition = (sql) => sql.part`true`
const undone: Condition = (sql) => sql.part`status in ('compensating', 'failed')`
const isStuck: Condition = (sql) => sql.part`stuck is not null`

/** The part of the search that leads to the fewest orders. */
export const leadOf = ({ status, username, reason, step, item }: OrderSearchQuery): Lead => {
  const only = (...by: ReadonlyArray<Condition>): Lead => ({ unfinished: false, by, otherwise: by })
  if (status === "stuck") return only(isStuck)
  if (status === "pending") return { unfinished: true, by: [], otherwise: [all] }
  if (status === "compensating") return { unfinished: true, by: [], otherwise: [undone] }
  if (username !== undefined) return only((sql) => sql.part`username = ${username}`)
  if (reason !== undefined) return only(ofReason(reason))
  // A compensation may be stuck at any step, whatever the reason.
  if (step !== undefined) return only(isStuck, ofReason(refusalAt(step)))
  if (item !== undefined) {
    const ofItem: Condition = (sql) =>
      sql.part`publish_at is null and details ->> 'item' = ${String(item)}`
    return { unfinished: true, by: [ofItem], otherwise: [all] }
  }
  return only(status === "failed" ? undone : all)
}

const ofReason = (reason: string): Condition => (sql) => sql.part`reason = ${reason}`

const refusalAt = (step: string) => orderSaga.find((row) => row.step === step)!.refusal

/** The whole condition of a search, with the same text for every search. */
const matches = (sql: Sql, { status, username, reason, step, item, slot }: OrderSearchQuery) => {
  const is = (value: Part, wanted: string | undefined) =>
    sql.part`(${wanted ?? null}::text is null or ${value} = ${wanted ?? null})`
  return sql.part`${is(sql.part`status`, status === "stuck" ? "compensating" : status)}
    and (${status ?? null}::text is distinct from 'stuck' or stuck is not null)
    and ${is(sql.part`username`, username)} and ${is(sql.part`reason`, reason)}
    and ${is(sql.part`details ->> 'item'`, item === undefined ? undefined : String(item))}
    and ${is(sql.part`details ->> 'slot'`, slot)}
    and (${step ?? null}::text is null or stuck ->> 'step' = ${step ?? null}
      or reason = ${step === undefined ? null : refusalAt(step)})`
}

const first = "00000000-0000-0000-0000-000000000000"
const last = "ffffffff-ffff-ffff-ffff-ffffffffffff"

/** Ids contain the time of creation, so conditions on ids and on times are one range. */
const inRange = (
  sql: Sql,
  { id = "", placedAfter, placedBefore, after }: OrderSearchQuery,
) => {
  const since = placedAfter === undefined ? first : firstIdAt(Date.parse(placedAfter))
  const before = placedBefore === undefined ? last : firstIdAt(Date.parse(placedBefore))
  return sql.part`id >= ${since} and id >= ${id + first.slice(id.length)}
    and id <= ${id + last.slice(id.length)} and id < ${before} and id < ${after ?? last}`
}

/**
 * Up to `limit` + 1 unfinished orders, newest first; undefined when there are too many unfinished
 * orders to examine them all.
 */
export const selectUnfinished = (
  sql: Sql,
  search: OrderSearchQuery,
  limit: number,
): Effect.Effect<ReadonlyArray<Found> | undefined> =>
  Effect.map(
    sql.rows(Looked)`
      with unfinished as materialized (
        select * from orders where publish_at is not null limit ${mostUnfinished}
      ), page as (
        select ${foundColumns(sql)} from unfinished
        where ${inRange(sql, search)} and ${matches(sql, search)}
        order by id desc limit ${limit + 1}
      )
      select page.*, (
        select id from unfinished offset ${mostUnfinished - 1} limit 1
      ) as "upTo" from (select) as one left join page on true`,
    (rows) => rows[0]?.upTo ? undefined : ordersIn(rows),
  )

/**
 * Up to `limit` + 1 orders, newest first. Where there may be more, `upTo` is the id of the last
 * order that was examined; it is looked for only when the page has room left.
 */
export const selectWalk = (
  sql: Sql,
  by: Condition,
  search: OrderSearchQuery,
  limit: number,
): Effect.Effect<{ readonly orders: ReadonlyArray<Found>; readonly upTo: OrderId | undefined }> =>
  Effect.map(
    sql.rows(Looked)`
      with page as materialized (
        select ${foundColumns(sql)} from (
          select * from orders where ${by(sql)} and ${inRange(sql, search)}
          order by id desc limit ${mostLookedAt}
        ) as looked where ${matches(sql, search)} limit ${limit + 1}
      ), end_of_walk as (
        select id from orders
        where (select count(*) from page) <= ${limit} and ${by(sql)} and ${inRange(sql, search)}
        order by id desc offset ${mostLookedAt - 1} limit 1
      )
      select page.*, (select id from end_of_walk) as "upTo"
      from (select) as one left join page on true`,
    (rows) => ({ orders: ordersIn(rows), upTo: rows[0]?.upTo ?? undefined }),
  )

const UpTo = { upTo: Schema.NullOr(text<OrderId>()) }
/** A row whose id is null means that there is no order. */
const Looked = Schema.Union([
  Schema.Struct({ ...Found.fields, ...UpTo }),
  Schema.Struct({ id: Schema.Null, ...UpTo }),
])

const ordersIn = (rows: ReadonlyArray<typeof Looked.Type>): ReadonlyArray<Found> =>
  rows.flatMap((row) => row.id === null ? [] : [row])
