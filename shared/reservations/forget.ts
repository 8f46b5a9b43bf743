/**
 * What keeps a participant's records from growing for ever: those of orders that are old, final and found sound are
 * deleted. What completed orders held counts as consumed from then on, so the books balance as before; and no late command
 * of a forgotten order can do anything, as the rules refuse it by its age. It is for the caller to know which orders are
 * final; that none is forgotten too early is checked here once more.
 */
import { Clock, Context, Duration, Effect, Layer } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { firstIdAt } from "#shared/contracts/order-time.ts"
import { type ForgetRequest, type Forgotten, maxForgotten } from "#shared/contracts/retention.ts"
import { Database, type Sql } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import type { Resources } from "./reservations-sql.ts"
import { forgettableBefore, type Reservation } from "./rules.ts"

export class Retention extends Context.Service<Retention, {
  /**
   * Forgets what is not spared any more and at most a thousand other records, the oldest first, in one transaction; gives
   * how many. Fails with Unavailable (none was) or Unknown (some may have been).
   */
  readonly forget: (request: ForgetRequest) => Effect.Effect<number, Transient>
  readonly forgotten: Effect.Effect<Forgotten, Transient>
}>()("unwind/reservations/Retention") {}

/** No order is forgotten that is younger than `retention` and a day, whatever is asked. */
export const retentionLayer = (
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

const selectForgotten = async (sql: Sql, lock = sql``): Promise<Forgotten> => {
  const [forgotten] = await sql<[Forgotten]>`
    select before, to_json(spared) as spared from forgotten ${lock}`
  return forgotten
}

/**
 * Locks in the order of all transactions, first orders, then resources, each sorted, so that it never waits in a circle with
 * commands. Its own row comes first: replicas that forget at the same time take turns.
 */
const forgetIn = async (
  sql: Sql,
  resources: Resources,
  { before, except }: ForgetRequest,
): Promise<number> => {
  const known = await selectForgotten(sql, sql`for update`)
  const released = known.spared.filter((orderId) => !except.includes(orderId))
  const rows = await lockOldest(sql, { released, from: known.before, before, except })
  const inRange = rows.filter(({ orderId }) => orderId >= known.before)
  // One more than is forgotten now: it says how far this goes.
  const next = inRange[maxForgotten]?.orderId
  const upTo = next ?? (before > known.before ? before : known.before)
  const old = rows.filter(({ orderId }) => orderId !== next)
  // What was forgotten before, for another caller, is not there to be spared.
  const spared = except.filter((id) =>
    id < upTo && (id >= known.before || known.spared.includes(id))
  )
  await consume(sql, resources, old)
  await sql`delete from reservations where order_id = any(${old.map((row) => row.orderId)}::uuid[])`
  await sql`update forgotten set before = ${upTo}, spared = ${spared}::uuid[]`
  return old.length
}

interface Range {
  /** Spared until now; below the range. */
  readonly released: ReadonlyArray<OrderId>
  readonly from: OrderId
  readonly before: OrderId
  readonly except: ReadonlyArray<OrderId>
}

const lockOldest = (sql: Sql, range: Range) => {
  const [released, except] = [[...range.released], [...range.except]]
  return sql<Array<Reservation & { orderId: OrderId }>>`
    select order_id as "orderId", outcome, resource, quantity from reservations
    where order_id = any(array(
      select unnest(${released}::uuid[])
      union all (
        select order_id from reservations
        where order_id >= ${range.from} and order_id < ${range.before}
          and order_id <> all(${except}::uuid[])
        order by order_id limit ${maxForgotten + 1})))
    order by order_id for update`
}

/** What the orders hold is theirs for good. */
const consume = async (
  sql: Sql,
  { table, key }: Resources,
  rows: ReadonlyArray<Reservation>,
): Promise<void> => {
  const consumed = new Map<string, number>()
  for (const { outcome, resource, quantity } of rows) {
    if (outcome === "reserved") consumed.set(resource, (consumed.get(resource) ?? 0) + quantity)
  }
  if (consumed.size === 0) return
  const names = [...consumed.keys()]
  await sql`
    select from ${sql(table)} where ${sql(key)} = any(${names}::text[])
    order by ${sql(key)} for update`
  await sql`
    update ${sql(table)} set consumed = consumed
      + (${sql.json(Object.fromEntries(consumed))}::jsonb ->> ${sql(key)})::bigint
    where ${sql(key)} = any(${names}::text[])`
}
