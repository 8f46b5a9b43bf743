/**
 * A participant's tables in PostgreSQL, the same for all participants. The statements for orders
 * take a batch of any size.
 */
import { Effect, Layer, Schema } from "effect"
import { join } from "node:path"
import type { OrderId } from "#shared/contracts/order.ts"
import { Adjustment } from "#shared/contracts/stock.ts"
import { isoTime, text } from "#shared/postgres/columns.ts"
import { Database, type DatabaseError } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import { tablesIn } from "#shared/postgres/store.ts"
import { LostConflict } from "#shared/postgres/transaction.ts"
import { ReservationStore, type ReservationTables } from "./reservation-tables.ts"

/**
 * Where a participant stores its resources: a table with a key and a balance that a CHECK keeps
 * from going below 0.
 */
export interface Resources {
  readonly table: string
  readonly key: string
  readonly balance: string
  /** The column with what people call a resource, if that is not its key. */
  readonly title?: string
}

/** Creates the table of reservations in the participant's database. Fails with DatabaseError. */
export const reservationStoreLayer = (
  resources: Resources,
): Layer.Layer<ReservationStore, DatabaseError, Database> =>
  Layer.effect(
    ReservationStore,
    Effect.gen(function* () {
      const database = yield* Database
      yield* database.migrate(join(import.meta.dirname!, "migrations"))
      return tablesIn(database, (sql) => reservationTables(sql, resources))
    }),
  )

/** A row of the table of reservations. */
export const ReservationRow = Schema.Struct({
  orderId: text<OrderId>(),
  outcome: Schema.Literals(["reserved", "rejected", "cancelled"]),
  resource: Schema.String,
  quantity: Schema.Int,
})

const Left = Schema.Struct({ resource: Schema.String, available: Schema.Int })

/** A row of the ledger. */
export const AdjustmentRow = Schema.Struct({ ...Adjustment.fields, adjustedAt: isoTime })

/** The columns of an AdjustmentRow. */
export const adjustmentColumns = (sql: Sql) =>
  sql.part`
    number, resource, change, balance as left, operator, reason, adjusted_at as "adjustedAt"`

const Total = Schema.Struct({ total: Schema.Int })
const Numbered = Schema.Struct({ number: Schema.Int })

const reservationTables = (sql: Sql, { table, key, balance }: Resources): ReservationTables => ({
  lockReservations: (orderIds) =>
    Effect.map(
      sql.rows(ReservationRow)`
        select order_id as "orderId", outcome, resource, quantity from reservations
        where order_id = any(${orderIds}::uuid[]) order by order_id for update`,
      (rows) => new Map(rows.map((row) => [row.orderId, row])),
    ),

  // A cancel gives back what the record says, so the resources of the records are locked too. They
  // are selected by an array instead of a join: a join that was planned while the table was tiny
  // scans the whole table for as long as the connection lives.
  lockResources: (names, orderIds) =>
    Effect.map(
      sql.rows(Left)`
        select ${sql.part(key)} as resource, ${sql.part(balance)} as available
        from ${sql.part(table)}
        where ${sql.part(key)} = any(array(
          select unnest(${names}::text[])
          union select resource from reservations
          where order_id = any(${orderIds}::uuid[]) and outcome = 'reserved'))
        order by ${sql.part(key)} for update`,
      (rows) => new Map(rows.map(({ resource, available }) => [resource, available])),
    ),

  insertRecords: (records) =>
    Effect.catchDefect(
      Effect.asVoid(sql`
        insert into reservations (order_id, outcome, resource, quantity)
        select * from unnest(
          ${records.map(({ orderId }) => orderId)}::uuid[],
          ${records.map(({ outcome }) => outcome)}::text[],
          ${records.map(({ resource }) => resource)}::text[],
          ${records.map(({ quantity }) => quantity)}::bigint[]
        ) as record (order_id) order by record.order_id`),
      lostIfTaken("another transaction recorded one of these orders first"),
    ),

  markCancelled: (orderIds) =>
    Effect.asVoid(sql`
      update reservations set outcome = 'cancelled', cancelled_at = now()
      where order_id = any(${orderIds}::uuid[])`),

  changeBalances: (changes) =>
    Effect.asVoid(sql`
      update ${sql.part(table)} set ${sql.part(balance)} = ${sql.part(balance)}
        + (${sql.json(Object.fromEntries(changes))}::jsonb ->> ${sql.part(key)})::bigint
      where ${sql.part(key)} = any(${[...changes.keys()]}::text[])`),

  findAdjustment: ({ operator, idempotencyKey }) =>
    sql.row(AdjustmentRow)`
      select ${adjustmentColumns(sql)} from adjustments
      where operator = ${operator} and idempotency_key = ${idempotencyKey}`,

  totalOf: (resource) =>
    Effect.map(
      sql.row(Total)`
        select opening + coalesce(
          (select sum(change) from adjustments where resource = ${resource}), 0)::bigint as total
        from ${sql.part(table)} where ${sql.part(key)} = ${resource}`,
      (row) => row?.total ?? 0,
    ),

  insertAdjustment: (given) =>
    Effect.catchDefect(
      Effect.map(
        sql.row(Numbered)`
          insert into adjustments
            (operator, idempotency_key, resource, change, balance, reason, adjusted_at)
          values (${given.operator}, ${given.idempotencyKey}, ${given.resource}, ${given.change},
            ${given.left}, ${given.reason}, ${given.adjustedAt})
          returning number`,
        (row) => row!.number,
      ),
      lostIfTaken("another transaction used this key first"),
    ),
})

/** The only unique keys are the order of a record and the key of an adjustment. */
const lostIfTaken = (message: string) => (error: unknown): Effect.Effect<never> =>
  Effect.die(
    (error as { readonly code?: string }).code === "23505" ? new LostConflict(message) : error,
  )
