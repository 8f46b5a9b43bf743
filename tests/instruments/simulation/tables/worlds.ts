/**
 * The same tables in PostgreSQL and in a simulated database, each with two connections, and their
 * rows for comparison.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { join } from "node:path"
import type { Sql } from "postgres"
import { OrderStore, type OrderTable } from "#services/orders/order-table.ts"
import { orderStoreLayer } from "#services/orders/orders-sql.ts"
import { Database, type DatabaseError } from "#shared/postgres/database.ts"
import type { Store } from "#shared/postgres/store.ts"
import {
  ReservationStore,
  type ReservationTables,
} from "#shared/reservations/reservation-tables.ts"
import { reservationStoreLayer } from "#shared/reservations/reservations-sql.ts"
import { resourceMigrations } from "#shared/reservations/resource-migrations.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import { newDatabase, onlooker, openDatabase } from "#tests/shared/postgres/open-database.ts"
import { connect, makeDatabase, rows, type SimulatedDatabase } from "./database.ts"
import { type OrderRow, orders, orderTable } from "./order-table.ts"
import {
  addResource,
  reservations,
  reservationTables,
  type ResourceRow,
  resources,
} from "./reservation-tables.ts"
import { settled } from "./session.ts"
import type { Transaction } from "./transaction.ts"

/** Tables to work on, and their rows. */
export interface World<Tables> {
  /** Each has its own connection. */
  readonly stores: readonly [Store<Tables>, Store<Tables>]
  /** All rows with all columns that the services know, by table, sorted by key. */
  readonly rows: Effect.Effect<unknown>
  /** How many transactions wait for another one. */
  readonly waiting: Effect.Effect<number>
}

/** Makes the tables of a participant with these balances. */
export type MakeReservations = (
  balances: Readonly<Record<string, number>>,
) => Effect.Effect<World<ReservationTables>>

/** Makes an empty orders table. */
export type MakeOrders = Effect.Effect<World<OrderTable>>

const simulated = <Tables>(
  database: SimulatedDatabase,
  tablesOf: (transaction: Transaction) => Tables,
  rows: () => unknown,
): World<Tables> => {
  const store = (owner: string) =>
    connect(database, tablesOf, {
      owner,
      statement: () => Effect.void,
      begin: Effect.void,
      commit: Effect.succeed("applied"),
    })
  return {
    stores: [store("one"), store("two")],
    rows: Effect.sync(rows),
    waiting: Effect.andThen(
      settled,
      Effect.sync(() => [...database.open].filter(({ isWaiting }) => isWaiting).length),
    ),
  }
}

const sortedBy = <Row>(rows: ReadonlyArray<Row>, keyOf: (row: Row) => string): Array<Row> =>
  rows.toSorted((a, b) => keyOf(a) < keyOf(b) ? -1 : 1)

export const simulatedReservations: MakeReservations = (balances) =>
  Effect.sync(() => {
    const database = makeDatabase()
    for (const [resource, balance] of Object.entries(balances)) {
      addResource(database, resource, balance)
    }
    return simulated(database, reservationTables, () => ({
      reservations: sortedBy(rows(database, reservations), reservations.keyOf),
      resources: sortedBy(rows(database, resources), resources.keyOf),
    }))
  })

export const simulatedOrders: MakeOrders = Effect.sync(() => {
  const database = makeDatabase()
  return simulated(database, orderTable, () => sortedBy(rows(database, orders), orders.keyOf))
})

/** Exact, because a commit passes its locks on before it answers. */
const waitingIn = (sql: Sql): Effect.Effect<number> =>
  Effect.promise(async () => {
    const [row] = await sql<[{ count: number }]>`
      select count(distinct pid)::int as count from pg_locks join pg_stat_activity using (pid)
      where not granted and locktype in ('transactionid', 'tuple') and datname = current_database()`
    return row.count
  })

const migrationsOf = (service: string) =>
  join(import.meta.dirname, "../../../../services", service, "migrations")

/** Two connections to one database. */
const twoDatabases = (
  service: string,
): Effect.Effect<
  readonly [Sql, Database["Service"], Database["Service"]],
  DatabaseError,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const url = yield* newDatabase
    const open = (deadlock_timeout: string) =>
      openDatabase(url, {
        poolSize: 1,
        migrations: migrationsOf(service),
        settings: { deadlock_timeout },
      })
    // The second connection looks for deadlocks, and soon.
    return [yield* onlooker(url), yield* open("1h"), yield* open("10ms")] as const
  })

const storesOf = <Id, Tables>(
  databases: ReadonlyArray<Database["Service"]>,
  tag: Context.Key<Id, Store<Tables>>,
  layer: Layer.Layer<Id, DatabaseError, Database>,
): Effect.Effect<readonly [Store<Tables>, Store<Tables>], DatabaseError, Scope.Scope> =>
  Effect.map(
    Effect.forEach(databases, (database) =>
      Layer.build(Layer.fresh(layer).pipe(Layer.provide(Layer.succeed(Database, database))))),
    ([one, two]) =>
      [Context.get(one!, tag), Context.get(two!, tag)] as const,
  )

export const reservationsInPostgres: Effect.Effect<MakeReservations, DatabaseError, Scope.Scope> =
  Effect
    .gen(function* () {
      const [sql, ...databases] = yield* twoDatabases("items")
      const items = { table: "items", key: "id", balance: "stock" }
      yield* databases[0].migrate(resourceMigrations({ ...items, one: "item" }))
      const layer = reservationStoreLayer(items)
      const stores = yield* storesOf(databases, ReservationStore, layer)
      const everything = Effect.promise(async () => ({
        reservations: (await sql<Array<Omit<Reservation, "quantity"> & { quantity: string }>>`
        select order_id as "orderId", outcome, resource, quantity from reservations order by 1`)
          .map((row) => ({ ...row, quantity: Number(row.quantity) })),
        resources: (await sql<Array<{ resource: string; opening: string; balance: string }>>`
        select id as resource, opening, stock as balance from items order by 1`)
          .map(({ resource, opening, balance }): ResourceRow => ({
            resource,
            opening: Number(opening),
            balance: Number(balance),
          })),
      }))
      return (balances) =>
        Effect.promise(async () => {
          await sql`delete from reservations`
          await sql`delete from items`
          const items = Object.entries(balances).map(([id, stock]) => ({ id, name: "", stock }))
          await sql`insert into items ${sql(items)}`
          return { stores, rows: everything, waiting: waitingIn(sql) }
        })
    })

export const ordersInPostgres: Effect.Effect<MakeOrders, DatabaseError, Scope.Scope> = Effect.gen(
  function* () {
    const [sql, ...databases] = yield* twoDatabases("orders")
    const stores = yield* storesOf(databases, OrderStore, orderStoreLayer)
    const everything = Effect.promise(async () =>
      (await sql<Array<Omit<OrderRow, "amountMinor"> & { amountMinor: string }>>`
        select id, username, amount as "amountMinor", details, steps, status, reason,
          created_at as "createdAt", decided_at as "decidedAt", timeline, stuck, traceparent,
          republished, idempotency_key as "idempotencyKey", publish_at as "publishAt"
        from orders order by id`)
        .map((row): OrderRow => ({ ...row, amountMinor: Number(row.amountMinor) }))
    )
    return Effect.promise(async () => {
      await sql`delete from orders`
      return { stores, rows: everything, waiting: waitingIn(sql) }
    })
  },
)
