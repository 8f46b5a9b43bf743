/**
 * The participant protocol over PostgreSQL, the one implementation for billing, items and slots. A batch of commands is
 * one transaction with a fixed number of statements, whatever its size; the record of an order is written in the same
 * transaction as the balance.
 */
import { Context, Effect, Layer } from "effect"
import { join } from "node:path"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import {
  Database,
  type DatabaseError,
  LostConflict,
  type Transaction,
} from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import { type Applied, applyCommands, type Reservation } from "./rules.ts"

/** Where a participant keeps what can be reserved: a table with a key and a balance that a CHECK keeps from going below 0. */
export interface Resources {
  readonly table: string
  readonly key: string
  readonly balance: string
  /** The reason of a rejection, word for word. */
  readonly refusal: string
}

export class Reservations extends Context.Service<Reservations, {
  /**
   * Applies the commands one after another, in one transaction, and answers in their order. The same commands again get
   * the same answers. Fails with Unavailable (nothing happened) or Unknown (it may have).
   */
  readonly apply: (
    commands: ReadonlyArray<Command>,
  ) => Effect.Effect<ReadonlyArray<Outcome>, Transient>
}>()("unwind/reservations/Reservations") {}

/** Makes its table, in whichever participant's database. Fails with DatabaseError. */
export const reservationsLayer = (
  resources: Resources,
): Layer.Layer<Reservations, DatabaseError, Database> =>
  Layer.effect(
    Reservations,
    Effect.gen(function* () {
      const { migrate, transaction } = yield* Database
      yield* migrate(join(import.meta.dirname, "migrations"))
      return Reservations.of({
        apply: (commands) => transaction((sql) => applyIn(sql, resources, commands)),
      })
    }),
  )

const applyIn = async (
  sql: Transaction,
  resources: Resources,
  commands: ReadonlyArray<Command>,
): Promise<ReadonlyArray<Outcome>> => {
  // Both statements go out together and lock in one global order, first orders, then resources, each sorted: that leaves
  // no room for a deadlock between batches.
  const [known, available] = await Promise.all([
    lockReservations(sql, commands),
    lockResources(sql, resources, commands),
  ])
  const applied = applyCommands(commands, known, available, resources.refusal)
  await Promise.all([
    insertRecords(sql, applied),
    markCancelled(sql, applied),
    changeBalances(sql, resources, applied),
  ])
  return applied.outcomes
}

const orderIdsOf = (commands: ReadonlyArray<Command>) => [
  ...new Set(commands.map(({ orderId }) => orderId)),
]

const lockReservations = async (sql: Transaction, commands: ReadonlyArray<Command>) => {
  const rows = await sql<Array<Reservation>>`
    select order_id as "orderId", outcome, resource, quantity from reservations
    where order_id = any(${orderIdsOf(commands)}::uuid[]) order by order_id for update`
  return new Map(rows.map((row) => [row.orderId, row]))
}

const lockResources = async (
  sql: Transaction,
  { table, key, balance }: Resources,
  commands: ReadonlyArray<Command>,
) => {
  // A cancel gives back what the record says, so the records' resources are locked too. As an array, not as a join: a join
  // that was planned while the table was tiny reads all of it for as long as the connection lives.
  const rows = await sql<Array<{ resource: string; available: number }>>`
    select ${sql(key)} as resource, ${sql(balance)} as available from ${sql(table)}
    where ${sql(key)} = any(array(
      select unnest(${commands.map(({ resource }) => resource)}::text[])
      union select resource from reservations
      where order_id = any(${orderIdsOf(commands)}::uuid[]) and outcome = 'reserved'))
    order by ${sql(key)} for update`
  return new Map(rows.map(({ resource, available }) => [resource, available]))
}

const insertRecords = async (sql: Transaction, { recorded }: Applied) => {
  if (recorded.length === 0) return
  const inserted = await sql`
    insert into reservations (order_id, outcome, resource, quantity)
    select * from unnest(
      ${recorded.map(({ orderId }) => orderId)}::uuid[],
      ${recorded.map(({ outcome }) => outcome)}::text[],
      ${recorded.map(({ resource }) => resource)}::text[],
      ${recorded.map(({ quantity }) => quantity)}::bigint[]
    ) as record (order_id) order by record.order_id
    on conflict do nothing`
  if (inserted.count < recorded.length) {
    throw new LostConflict("another transaction recorded one of these orders first")
  }
}

const markCancelled = async (sql: Transaction, { givenBack }: Applied) => {
  if (givenBack.length === 0) return
  await sql`
    update reservations set outcome = 'cancelled', cancelled_at = now()
    where order_id = any(${givenBack.map(({ orderId }) => orderId)}::uuid[])`
}

const changeBalances = async (
  sql: Transaction,
  { table, key, balance }: Resources,
  { changes }: Applied,
) => {
  if (changes.size === 0) return
  const amounts = sql.json(Object.fromEntries(changes))
  await sql`
    update ${sql(table)}
    set ${sql(balance)} = ${sql(balance)} + (${amounts}::jsonb ->> ${sql(key)})::bigint
    where ${sql(key)} = any(${[...changes.keys()]}::text[])`
}
