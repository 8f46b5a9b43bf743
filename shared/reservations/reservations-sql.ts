/** A participant's tables in PostgreSQL, the same for billing, items and slots. Each statement takes a batch of any size. */
import { Effect, Layer } from "effect"
import { join } from "node:path"
import { Database, type DatabaseError, LostConflict, type Sql } from "#shared/postgres/database.ts"
import { sqlStore } from "#shared/postgres/store.ts"
import { ReservationStore, type ReservationTables } from "./reservation-tables.ts"
import type { Reservation } from "./rules.ts"

/** Where a participant keeps what can be reserved: a table with a key and a balance that a CHECK keeps from going below 0. */
export interface Resources {
  readonly table: string
  readonly key: string
  readonly balance: string
}

/** Makes the table of reservations, in whichever participant's database. Fails with DatabaseError. */
export const reservationStoreLayer = (
  resources: Resources,
): Layer.Layer<ReservationStore, DatabaseError, Database> =>
  Layer.effect(
    ReservationStore,
    Effect.gen(function* () {
      const database = yield* Database
      yield* database.migrate(join(import.meta.dirname, "migrations"))
      return sqlStore(database, (sql) => reservationTables(sql, resources))
    }),
  )

const reservationTables = (sql: Sql, { table, key, balance }: Resources): ReservationTables => ({
  lockReservations: (orderIds) =>
    Effect.promise(async () => {
      const rows = await sql<Array<Reservation>>`
        select order_id as "orderId", outcome, resource, quantity from reservations
        where order_id = any(${[...orderIds]}::uuid[]) order by order_id for update`
      return new Map(rows.map((row) => [row.orderId, row]))
    }),

  // A cancel gives back what the record says, so the records' resources are locked too. As an array, not as a join: a join
  // that was planned while the table was tiny reads all of it for as long as the connection lives.
  lockResources: (names, orderIds) =>
    Effect.promise(async () => {
      const rows = await sql<Array<{ resource: string; available: number }>>`
        select ${sql(key)} as resource, ${sql(balance)} as available from ${sql(table)}
        where ${sql(key)} = any(array(
          select unnest(${[...names]}::text[])
          union select resource from reservations
          where order_id = any(${[...orderIds]}::uuid[]) and outcome = 'reserved'))
        order by ${sql(key)} for update`
      return new Map(rows.map(({ resource, available }) => [resource, available]))
    }),

  insertRecords: (records) =>
    Effect.promise(() =>
      sql`
        insert into reservations (order_id, outcome, resource, quantity)
        select * from unnest(
          ${records.map(({ orderId }) => orderId)}::uuid[],
          ${records.map(({ outcome }) => outcome)}::text[],
          ${records.map(({ resource }) => resource)}::text[],
          ${records.map(({ quantity }) => quantity)}::bigint[]
        ) as record (order_id) order by record.order_id`.catch(lostIfRecorded)
    ),

  markCancelled: (orderIds) =>
    Effect.promise(() =>
      sql`
        update reservations set outcome = 'cancelled', cancelled_at = now()
        where order_id = any(${[...orderIds]}::uuid[])`
    ),

  changeBalances: (changes) =>
    Effect.promise(() =>
      sql`
        update ${sql(table)} set ${sql(balance)} = ${sql(balance)}
          + (${sql.json(Object.fromEntries(changes))}::jsonb ->> ${sql(key)})::bigint
        where ${sql(key)} = any(${[...changes.keys()]}::text[])`
    ),
})

/** Nothing else of a record is unique but its order. */
const lostIfRecorded = (error: Error & { readonly code?: string }): never => {
  throw error.code === "23505"
    ? new LostConflict("another transaction recorded one of these orders first")
    : error
}
