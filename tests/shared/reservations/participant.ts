/**
 * A participant for one test: the real protocol over the items' tables in a database of its own,
 * and a second client that fills the stock and reads what was written.
 */
import { Context, Duration, Effect, Layer, type Schema, type Scope } from "effect"
import { join } from "node:path"
import type { Sql } from "postgres"
import { firstIdAt, type OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql as Statements, Tag } from "#shared/postgres/sql.ts"
import { Adjustments } from "#shared/reservations/adjustments.ts"
import { forgettingLayer, Retention } from "#shared/reservations/forget.ts"
import { Reservations, reservationsLayer } from "#shared/reservations/reservations.ts"
import { reservationStoreLayer } from "#shared/reservations/reservations-sql.ts"
import { resourceMigrations } from "#shared/reservations/resource-migrations.ts"
import { Stock, stockLayer } from "#shared/reservations/stock.ts"
import { newDatabase, onlooker, openDatabase } from "../postgres/open-database.ts"

const resources = { table: "items", key: "id", balance: "stock", title: "name", one: "item" }
const retention = Duration.days(30)

const made = firstIdAt(Date.now()).slice(0, 13)

/** The nth order, made just now; their ids sort as their numbers do. */
export const order = (n: number): OrderId =>
  `${made}-7000-8000-${n.toString(16).padStart(12, "0")}` as OrderId

export const reserve = (n: number, resource: string, quantity = 1): Command => ({
  orderId: order(n),
  action: "reserve",
  resource,
  quantity,
})

export const cancel = (n: number, resource: string, quantity = 1): Command => ({
  ...reserve(n, resource, quantity),
  action: "cancel",
})

export interface Participant {
  readonly apply: Reservations["Service"]["apply"]
  readonly adjust: Adjustments["Service"]["adjust"]
  readonly stockBook: Stock["Service"]
  readonly retention: Retention["Service"]
  readonly sql: Sql
  /** The Database that the participant itself uses. */
  readonly database: Database["Service"]
  /**
   * How many transactions were begun, and begun again after a lost conflict or a deadlock; and how
   * many statements they had.
   */
  readonly counts: { begun: number; lost: number; deadlocks: number; statements: number }
  /** Empties all tables and sets these stocks. */
  readonly stock: (stocks: Readonly<Record<string, number>>) => Effect.Effect<void>
  readonly stocks: Effect.Effect<Readonly<Record<string, number>>>
  /** Every record, as [order, outcome, resource, quantity], sorted by order. */
  readonly records: Effect.Effect<
    ReadonlyArray<readonly [string, string, string, number]>
  >
}

export const startParticipant = (
  poolSize = 10,
): Effect.Effect<Participant, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const url = yield* newDatabase
    const sql = yield* onlooker(url)
    const migrations = join(import.meta.dirname, "../../../services/items/migrations")
    const database = yield* openDatabase(url, { poolSize, migrations })
    yield* database.migrate(resourceMigrations(resources))
    const counts = { begun: 0, lost: 0, deadlocks: 0, statements: 0 }
    const counting = Database.of({
      ...database,
      transaction: (run) =>
        database.transaction((sql, last) => {
          counts.begun += 1
          const counted = <A>(tag: Tag<Effect.Effect<A>>): typeof tag => (text, ...values) => {
            counts.statements += 1
            return tag(text, ...values)
          }
          const countingSql: Statements = Object.assign(counted(sql), {
            ...sql,
            rows: <A>(row: Schema.Codec<A, unknown>) => counted(sql.rows(row)),
            row: <A>(row: Schema.Codec<A, unknown>) => counted(sql.row(row)),
          })
          return Effect.catchDefect(run(countingSql, last), (error) => {
            const { code } = error as { readonly code?: string }
            if (code === "40001") counts.lost += 1
            if (code === "40P01") counts.deadlocks += 1
            return Effect.die(error)
          })
        }),
    })
    const context = yield* Layer.build(
      Layer.merge(reservationsLayer(retention), Adjustments.layer).pipe(
        Layer.provide(reservationStoreLayer(resources)),
        Layer.merge(forgettingLayer(resources, retention)),
        Layer.merge(stockLayer(resources)),
        Layer.provide(Layer.succeed(Database, counting)),
      ),
    )
    return {
      apply: Context.get(context, Reservations).apply,
      adjust: Context.get(context, Adjustments).adjust,
      stockBook: Context.get(context, Stock),
      retention: Context.get(context, Retention),
      sql,
      database,
      counts,
      ...shelf(sql),
    }
  })

const shelf = (sql: Sql): Pick<Participant, "stock" | "stocks" | "records"> => ({
  stock: (stocks) =>
    Effect.promise(async () => {
      await sql`delete from reservations`
      await sql`delete from adjustments`
      await sql`delete from items`
      const rows = Object.entries(stocks).map(([id, stock]) => ({ id, name: "", stock }))
      await sql`insert into items ${sql(rows)}`
    }),
  stocks: Effect.promise(async () =>
    Object.fromEntries(
      (await sql`select id, stock from items`).map(({ id, stock }) => [id, Number(stock)]),
    )
  ),
  records: Effect.promise(async () =>
    (await sql`select order_id, outcome, resource, quantity from reservations order by order_id`)
      .map((row) => [row.order_id, row.outcome, row.resource, Number(row.quantity)] as const)
  ),
})
