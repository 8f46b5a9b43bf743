/** The statements over the orders table that intake and look-ups are made of. Each takes a batch, whatever its size. */
import type { Sql } from "#shared/postgres/database.ts"
import type { Order } from "./order.ts"

export interface Insertion {
  readonly order: Order
  readonly idempotencyKey: string | undefined
  /** When the sweeper puts the order on the queue again unless it is final by then. */
  readonly publishAt: Date
}

const columns = (sql: Sql) =>
  sql`id, username, amount as "amountMinor", item, slot, status, reason, created_at as "createdAt",
    decided_at as "decidedAt", timeline, stuck, traceparent, republished`

/** Inserts the orders in one statement, but for those whose idempotency key is taken; gives the ids of the inserted. */
export const insertOrders = async (
  sql: Sql,
  insertions: ReadonlyArray<Insertion>,
): Promise<ReadonlySet<string>> => {
  const orders = insertions.map(({ order }) => order)
  const rows = await sql<Array<{ id: string }>>`
    insert into orders (id, username, amount, item, slot, created_at, traceparent, idempotency_key, publish_at)
    select * from unnest(
      ${orders.map(({ id }) => id)}::uuid[],
      ${orders.map(({ username }) => username)}::text[],
      ${orders.map(({ amountMinor }) => amountMinor)}::bigint[],
      ${orders.map(({ item }) => item)}::int[],
      ${orders.map(({ slot }) => slot)}::text[],
      ${orders.map(({ createdAt }) => createdAt.toISOString())}::timestamptz[],
      ${orders.map(({ traceparent }) => traceparent)}::text[],
      ${insertions.map(({ idempotencyKey }) => idempotencyKey ?? null)}::text[],
      ${insertions.map(({ publishAt }) => publishAt.toISOString())}::timestamptz[]
    ) as given (id, username, amount, item, slot, created_at, traceparent, idempotency_key, publish_at)
    -- One order among all replicas, so that batches with the same keys can't wait for each other in a circle.
    order by username, idempotency_key
    on conflict (username, idempotency_key) where idempotency_key is not null do nothing
    returning id`
  return new Set(rows.map(({ id }) => id))
}

/** The order that a user sent with an idempotency key. */
export const findByKey = async (
  sql: Sql,
  username: string,
  key: string,
): Promise<Order | undefined> => {
  const [order] = await sql<Array<Order>>`
    select ${columns(sql)} from orders where username = ${username} and idempotency_key = ${key}`
  return order
}

/** One order of one user; another user's order is not found. */
export const findOrder = async (
  sql: Sql,
  username: string,
  id: string,
): Promise<Order | undefined> => {
  const [order] = await sql<Array<Order>>`
    select ${columns(sql)} from orders where id = ${id} and username = ${username}`
  return order
}

/** The newest orders of a user, newest first, older than `before` if it is given. */
export const newestOrders = async (
  sql: Sql,
  username: string,
  limit: number,
  before: string | undefined,
): Promise<ReadonlyArray<Order>> =>
  await sql<Array<Order>>`
    select ${columns(sql)} from orders
    where username = ${username} ${before === undefined ? sql`` : sql`and id < ${before}`}
    order by id desc limit ${limit}`

/**
 * Locks up to `limit` orders whose time has come to be put on the queue again, passing over those that another replica
 * has locked.
 */
export const lockDueOrders = async (
  sql: Sql,
  now: Date,
  limit: number,
): Promise<ReadonlyArray<Order>> =>
  await sql<Array<Order>>`
    select ${columns(sql)} from orders where publish_at <= ${now}
    order by publish_at limit ${limit} for update skip locked`

/** Sets when the orders are put on the queue again: after `firstMs`, doubled with each time, at most `mostMs`. */
export const postpone = async (
  sql: Sql,
  ids: ReadonlyArray<string>,
  now: Date,
  { firstMs, mostMs }: { readonly firstMs: number; readonly mostMs: number },
): Promise<void> => {
  await sql`
    update orders set republished = republished + 1, publish_at = ${now}::timestamptz
      + least(${firstMs}::float8 * 2 ^ least(republished + 1, 30), ${mostMs}) * interval '1 millisecond'
    where id = any(${ids}::uuid[])`
}

/** Makes the sweeper's next round take every order that is not final. */
export const makeAllDue = async (sql: Sql): Promise<void> => {
  await sql`update orders set publish_at = created_at where publish_at is not null`
}

/** Orders that are not final, counted up to `limit`. */
export const countUnfinished = async (sql: Sql, limit: number): Promise<number> => {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from (select from orders where publish_at is not null limit ${limit}) unfinished`
  return row.count
}
