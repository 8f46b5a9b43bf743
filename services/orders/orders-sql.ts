/** The orders table in PostgreSQL. Each statement takes a batch of any size. */
import { Effect, Layer, Schema } from "effect"
import { OrderStatus } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { json, text } from "#shared/postgres/columns.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import { tablesIn } from "#shared/postgres/store.ts"
import { changesChannel, changesText } from "./changes.ts"
import { Order } from "./order.ts"
import { OrderStore, type OrderTable, type StatusChange } from "./order-table.ts"

export const orderStoreLayer: Layer.Layer<OrderStore, never, Database> = Layer.effect(
  OrderStore,
  Effect.map(Database, (database) =>
    tablesIn(
      database,
      (sql): OrderTable => ({ ...intake(sql), ...lookUps(sql), ...register(sql), ...sweeper(sql) }),
    )),
)

export const columns = (sql: Sql) =>
  sql.part`id, username, amount as "amountMinor", details, steps, status, reason,
    created_at as "createdAt", decided_at as "decidedAt", timeline, stuck, traceparent, republished`

const Id = Schema.Struct({ id: text<OrderId>() })
const StatusRow = Schema.Struct({ id: text<OrderId>(), status: OrderStatus })
const ofUsers = Schema.Record(Schema.String, Schema.Int)
const Unfinished = Schema.Struct({ total: Schema.Int, users: json<typeof ofUsers.Type>() })
const Made = Schema.Struct({ username: Schema.String, count: Schema.Int })
const Found = Schema.Struct({ ...Order.fields, nth: Schema.Int })
const Changed = Schema.Struct({ status: OrderStatus, count: Schema.Int })

const intake = (sql: Sql): Pick<OrderTable, "insert" | "countUnfinished" | "countMade"> => ({
  insert: (insertions) => {
    const orders = insertions.map(({ order }) => order)
    return Effect.map(
      sql.rows(Id)`
        insert into orders (id, username, amount, details, steps, created_at, traceparent, idempotency_key, publish_at)
        select id, username, amount, details::jsonb, steps::jsonb, created_at, traceparent,
          idempotency_key, publish_at from unnest(
          ${orders.map(({ id }) => id)}::uuid[],
          ${orders.map(({ username }) => username)}::text[],
          ${orders.map(({ amountMinor }) => amountMinor)}::bigint[],
          ${orders.map(({ details }) => JSON.stringify(details))}::text[],
          ${orders.map(({ steps }) => JSON.stringify(steps))}::text[],
          ${orders.map(({ createdAt }) => createdAt.toISOString())}::timestamptz[],
          ${orders.map(({ traceparent }) => traceparent)}::text[],
          ${insertions.map(({ idempotencyKey }) => idempotencyKey ?? null)}::text[],
          ${insertions.map(({ publishAt }) => publishAt.toISOString())}::timestamptz[]
        ) as given (id, username, amount, details, steps, created_at, traceparent, idempotency_key, publish_at)
        -- The same sequence in all replicas, so that batches with the same keys cannot deadlock.
        order by username, idempotency_key
        on conflict (username, idempotency_key) where idempotency_key is not null do nothing
        returning id`,
      (rows) => new Set(rows.map(({ id }) => id)),
    )
  },

  countUnfinished: (limit) =>
    Effect.map(
      sql.row(Unfinished)`
        with unfinished as materialized (
          select username from orders where publish_at is not null limit ${limit}
        ), most as (
          select username, count(*)::int as count from unfinished
          group by username order by count desc limit 1000
        )
        select (select count(*)::int from unfinished) as total,
          coalesce((select jsonb_object_agg(username, count) from most), '{}') as users`,
      (row) => ({ total: row!.total, users: new Map(Object.entries(row!.users)) }),
    ),

  countMade: (usernames, sinceId) =>
    Effect.map(
      sql.rows(Made)`
        select username, (
          select count(*)::int from orders where orders.username = given.username and id >= ${sinceId}
        ) as count from unnest(${usernames}::text[]) as given (username)`,
      (rows) => new Map(rows.map(({ username, count }) => [username, count])),
    ),
})

const lookUps = (sql: Sql): Pick<OrderTable, "findByKeys" | "find" | "newest"> => ({
  findByKeys: (keys) =>
    Effect.map(
      sql.rows(Found)`
        select nth::int as nth, ${columns(sql)} from unnest(
          ${keys.map(({ username }) => username)}::text[], ${keys.map(({ key }) => key)}::text[]
        ) with ordinality as given (sender, key, nth) cross join lateral (
          -- Uses the index for each key; a join might read all orders.
          select * from orders where username = sender and idempotency_key = key offset 0
        ) as found`,
      (rows) => {
        const found = new Map(rows.map(({ nth, ...order }) => [nth, order]))
        return keys.map((_, n) => found.get(n + 1))
      },
    ),

  find: (ids) =>
    Effect.map(
      sql.rows(Order)`select ${columns(sql)} from orders where id = any(${ids}::uuid[])`,
      (orders) => new Map(orders.map((order) => [order.id, order])),
    ),

  newest: (username, limit, before) =>
    sql.rows(Order)`
      select ${columns(sql)} from orders
      where username = ${username}
        ${before === undefined ? sql.part`` : sql.part`and id < ${before}`}
      order by id desc limit ${limit}`,
})

// The payload of a notification is shorter than 8,000 bytes.
const idsInNotification = 200

const register = (sql: Sql): Pick<OrderTable, "lockStatuses" | "changeStatuses" | "notify"> => ({
  lockStatuses: (ids) =>
    Effect.map(
      sql.rows(StatusRow)`
        select id, status from orders where id = any(${ids}::uuid[]) order by id for update`,
      (rows) => new Map(rows.map(({ id, status }) => [id, status])),
    ),

  changeStatuses: (changes, now) => {
    const { kinds, kindOf } = sortedById(changes)
    // Materialized: inlined, the same timeline would be parsed as JSON for every order.
    return Effect.map(
      sql.rows(Changed)`
        with kind as materialized (
          select number, before, status, reason, timeline::jsonb, stuck::jsonb from unnest(
            ${kinds.map(({ before }) => before)}::text[],
            ${kinds.map(({ status }) => status)}::text[],
            ${kinds.map(({ reason }) => reason ?? null)}::text[],
            ${kinds.map(({ timeline }) => JSON.stringify(timeline))}::text[],
            ${kinds.map(({ stuck }) => stuck ? JSON.stringify(stuck) : null)}::text[]
          ) with ordinality as given (before, status, reason, timeline, stuck, number)
        ), changed as (
          update orders set status = kind.status, reason = coalesce(orders.reason, kind.reason),
            timeline = orders.timeline || kind.timeline, stuck = kind.stuck,
            decided_at = case when kind.status <> 'compensating' then ${now}::timestamptz end,
            publish_at = case when kind.status = 'compensating' then orders.publish_at end
          from (
            -- The same sequence in all replicas, so that batches with the same orders cannot
            -- deadlock.
            select * from unnest(${changes.map(({ orderId }) => orderId)}::uuid[], ${kindOf}::int[])
              as given (id, kind) order by id
          ) as change cross join lateral (
            -- Lateral, to keep the changes in the order of ids: another join might use the order of
            -- the kinds.
            select * from kind where number = change.kind offset 0
          ) as kind
          where orders.id = change.id and orders.status = kind.before
          returning orders.status, orders.reason
        ), ended as (
          insert into order_ends (ended_at, status, reason, count)
          select ${now}::timestamptz, status, reason, count(*) from changed
          where status in ('completed', 'failed') group by status, reason
        )
        select status, count(*)::int as count from changed group by status`,
      (rows) => new Map(rows.map(({ status, count }) => [status, count])),
    )
  },

  notify: (ids, final) => {
    const payloads: Array<string> = []
    for (let at = 0; at < ids.length; at += idsInNotification) {
      payloads.push(changesText(ids.slice(at, at + idsInNotification), final))
    }
    return Effect.asVoid(sql`
      select pg_notify(${changesChannel}, payload) from unnest(${payloads}::text[]) as payload`)
  },
})

type Kind = Omit<StatusChange, "orderId">

/**
 * Most changes of a batch differ only in the order's id, so each kind of change is sent once. Kinds
 * are numbered from 1.
 */
const sortedById = (changes: ReadonlyArray<StatusChange>) => {
  const kinds: Array<Kind> = []
  const kindOf = changes.map((change) => {
    const known = kinds.findIndex((kind) => isSame(kind, change))
    return 1 + (known === -1 ? kinds.push(change) - 1 : known)
  })
  return { kinds, kindOf }
}

const isSame = (a: Kind, b: Kind): boolean =>
  a.before === b.before && a.status === b.status && a.reason === b.reason &&
  a.timeline === b.timeline && a.stuck === undefined && b.stuck === undefined

/** The most that the column can hold: an overflow would fail the whole batch. */
const mostRepublished = 2 ** 31 - 1

const sweeper = (sql: Sql): Pick<OrderTable, "takeDue" | "makeDue" | "makeAllDue"> => ({
  takeDue: (now, limit, { firstMs, mostMs }) =>
    sql.rows(Order)`
      update orders set republished = least(republished, ${
      mostRepublished - 1
    }) + 1, publish_at = ${now}::timestamptz
        + least(${firstMs}::float8 * 2 ^ least(republished, 30), ${mostMs}) * interval '1 millisecond'
      where id = any(array(
        select id from orders where publish_at <= ${now}
        order by publish_at limit ${limit} for update skip locked) || array(
        select id from orders where publish_at > ${now}::timestamptz
          + greatest(${firstMs}::float8, ${mostMs}) * interval '1 millisecond'
        order by publish_at limit ${limit} for update skip locked))
      returning ${columns(sql)}`,

  makeDue: (ids, now) =>
    Effect.asVoid(sql`
      update orders set publish_at = ${now} where id = any(array(
        select id from orders where id = any(${ids}::uuid[]) and status = 'compensating'
        for update skip locked))`),

  makeAllDue: Effect.asVoid(
    sql`update orders set publish_at = created_at where publish_at is not null`,
  ),
})
