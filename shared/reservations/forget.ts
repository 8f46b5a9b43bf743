/**
 * Keeps a participant's records from growing for ever: it deletes those of orders that are old,
 * final and found sound. What completed orders held then counts as consumed, so the books still
 * balance. A late command of a forgotten order does nothing, since the rules refuse it by its age.
 * The caller knows which orders are final; the age of each is checked here once more.
 */
import { Clock, Context, Duration, Effect, Layer } from "effect"
import { firstIdAt, type OrderId } from "#shared/contracts/order.ts"
import { type ForgetRequest, Forgotten, maxForgotten } from "#shared/contracts/retention.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Part, Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"
import { ReservationRow, type Resources } from "./reservations-sql.ts"
import { forgettableBefore, type Reservation } from "./rules.ts"

export class Retention extends Context.Service<Retention, {
  /**
   * Forgets the orders that are no longer spared and at most a thousand other records, oldest
   * first, in one transaction; returns how many. Fails with Unavailable (none was forgotten) or
   * OutcomeUnknown (some may have been).
   */
  readonly forget: (request: ForgetRequest) => Effect.Effect<number, Transient>
  readonly forgotten: Effect.Effect<Forgotten, Transient>
}>()("unwind/reservations/Retention") {}

/** Forgets no order that is younger than `retention` plus a day, whatever the request says. */
export const forgettingLayer = (
  resources: Resources,
  retention: Duration.Duration,
): Layer.Layer<Retention, never, Database> =>
  Layer.effect(
    Retention,
    Effect.map(Database, ({ query, transaction }) =>
      Retention.of({
        forget: Effect.fnUntraced(function* ({ before, except }) {
          const nowMs = yield* Clock.currentTimeMillis
          const oldEnough = firstIdAt(forgettableBefore(nowMs, Duration.toMillis(retention)))
          const request = { before: before < oldEnough ? before : oldEnough, except }
          return yield* transaction((sql) => forgetIn(sql, resources, request))
        }),
        forgotten: query((sql) => selectForgotten(sql)),
      })),
  )

/** The only row of the table. */
const selectForgotten = (sql: Sql, lock: Part = sql.part``): Effect.Effect<Forgotten> =>
  Effect.map(
    sql.row(Forgotten)`select before, to_json(spared) as spared from forgotten ${lock}`,
    (forgotten) => forgotten!,
  )

/**
 * Locks in the same order as all transactions (orders, then resources, each sorted), so that it
 * cannot deadlock with commands. Its own row is locked first: concurrent requests take turns.
 */
const forgetIn = Effect.fnUntraced(function* (
  sql: Sql,
  resources: Resources,
  { before, except }: ForgetRequest,
) {
  const known = yield* selectForgotten(sql, sql.part`for update`)
  const released = known.spared.filter((orderId) => !except.includes(orderId))
  const rows = yield* lockOldest(sql, { released, from: known.before, before, except })
  const inRange = rows.filter(({ orderId }) => orderId >= known.before)
  // One more than is forgotten now: the limit of this batch.
  const next = inRange[maxForgotten]?.orderId
  const upTo = next ?? (before > known.before ? before : known.before)
  const old = rows.filter(({ orderId }) => orderId !== next)
  // Orders that an earlier request forgot cannot be spared any more.
  const spared = except.filter((id) =>
    id < upTo && (id >= known.before || known.spared.includes(id))
  )
  yield* consume(sql, resources, old)
  yield* sql`
    delete from reservations where order_id = any(${old.map((row) => row.orderId)}::uuid[])`
  yield* sql`update forgotten set before = ${upTo}, spared = ${spared}::uuid[]`
  return old.length
})

interface Range {
  /** Orders that were spared until now; below the range. */
  readonly released: ReadonlyArray<OrderId>
  readonly from: OrderId
  readonly before: OrderId
  readonly except: ReadonlyArray<OrderId>
}

const lockOldest = (sql: Sql, { released, from, before, except }: Range) =>
  sql.rows(ReservationRow)`
    select order_id as "orderId", outcome, resource, quantity from reservations
    where order_id = any(array(
      select unnest(${released}::uuid[])
      union all (
        select order_id from reservations
        where order_id >= ${from} and order_id < ${before}
          and order_id <> all(${except}::uuid[])
        order by order_id limit ${maxForgotten + 1})))
    order by order_id for update`

/** Counts what the orders hold as consumed. */
const consume = Effect.fnUntraced(function* (
  sql: Sql,
  resources: Resources,
  rows: ReadonlyArray<Reservation>,
) {
  const consumed = new Map<string, number>()
  for (const { outcome, resource, quantity } of rows) {
    if (outcome === "reserved") consumed.set(resource, (consumed.get(resource) ?? 0) + quantity)
  }
  if (consumed.size === 0) return
  const [table, key] = [sql.part(resources.table), sql.part(resources.key)]
  const names = [...consumed.keys()]
  yield* sql`
    select from ${table} where ${key} = any(${names}::text[]) order by ${key} for update`
  yield* sql`
    update ${table} set consumed = consumed
      + (${sql.json(Object.fromEntries(consumed))}::jsonb ->> ${key})::bigint
    where ${key} = any(${names}::text[])`
})
