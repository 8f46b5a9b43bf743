/**
 * All queries of billing, by the code that makes them, for tests of their plans in PostgreSQL.
 * Items and slots make the same queries, except those of accounts.
 */
import { Context, Duration, Effect, Layer, type Scope } from "effect"
import { Accounts, accountsLayer } from "#services/billing/accounts.ts"
import { money } from "#services/billing/service.ts"
import { maxPage } from "#shared/contracts/audit.ts"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { maxForgotten } from "#shared/contracts/retention.ts"
import { Database } from "#shared/postgres/database.ts"
import { Adjustments } from "#shared/reservations/adjustments.ts"
import { Books, booksLayer } from "#shared/reservations/books.ts"
import { forgettingLayer, Retention } from "#shared/reservations/forget.ts"
import { Reservations, reservationsLayer } from "#shared/reservations/reservations.ts"
import { reservationStoreLayer } from "#shared/reservations/reservations-sql.ts"
import { resourceMigrations } from "#shared/reservations/resource-migrations.ts"
import { Stock, stockLayer } from "#shared/reservations/stock.ts"
import { manyRows, type Questions, type Subject } from "#tests/support/plans.ts"
import { tapPostgres } from "#tests/support/tapped-postgres.ts"
import { newDatabase, onlooker, openDatabase } from "../../shared/postgres/open-database.ts"

const retention = Duration.days(30)

// The first tenth of all reservations is old enough to be forgotten.
const old = manyRows / 10
const [whenOld, whenNew] = [40, 0].map((days) =>
  firstIdAt(Date.now() - Duration.toMillis(Duration.days(days))).slice(0, 13)
)
const idOf = (n: number): OrderId =>
  OrderId.make(`${n <= old ? whenOld : whenNew}-7000-8000-${n.toString(16).padStart(12, "0")}`)

/** A new database, with as many accounts as reservations. */
export const plannedBilling: Effect.Effect<Subject, unknown, Scope.Scope> = Effect.gen(
  function* () {
    const url = yield* newDatabase
    const sql = yield* onlooker(url)
    const tapped = yield* tapPostgres(url)
    const database = yield* openDatabase(tapped.url, { poolSize: 1, migrations: money.migrations })
    yield* database.migrate(resourceMigrations(money))
    return {
      database,
      tapped,
      sql,
      questions: yield* questionsTo(database),
      tables: ["accounts", "reservations", "adjustments"],
      grow: (from, to) =>
        Effect.promise(async () => {
          await sql`
            insert into accounts (username, email, wallet)
            select 'user-' || n, '', 10000 from generate_series(${from}::int, ${to}::int) n`
          await sql`
            insert into reservations (order_id, outcome, resource, quantity)
            select ((case when n <= ${old}::int then ${whenOld!} else ${whenNew!} end)
                || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
              'reserved', 'user-' || n, 1 from generate_series(${from}::int, ${to}::int) n`
          await sql`
            insert into adjustments
              (operator, idempotency_key, resource, change, balance, reason, adjusted_at)
            select 'ada', n, 'user-' || n, 1, 1, '', now()
            from generate_series(${from}::int, ${to}::int) n`
        }),
    }
  },
)

const questionsTo = (database: Database["Service"]) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.mergeAll(
        accountsLayer(10_000),
        booksLayer(money),
        forgettingLayer(money, retention),
        stockLayer(money),
        Layer.provide(
          Layer.merge(reservationsLayer(retention), Adjustments.layer),
          reservationStoreLayer(money),
        ),
      ).pipe(Layer.provide(Layer.succeed(Database, database))),
    )
    const reservations = reservationsOf(Context.get(context, Reservations))
    const books = booksOf(Context.get(context, Books))
    const accounts = accountsOf(Context.get(context, Accounts))
    const forgetting = retentionOf(Context.get(context, Retention))
    const adjustments = adjustmentsOf(Context.get(context, Adjustments))
    const stock = stockOf(Context.get(context, Stock))
    const asked = [reservations, books, accounts, forgetting, adjustments, stock]
    const all: Questions = (nth, count) => Object.assign({}, ...asked.map((of) => of(nth, count)))
    return all
  })

const reservationsOf = ({ apply }: Reservations["Service"]): Questions => (nth, count) => {
  const commands = (action: Command["action"]) =>
    Array.from({ length: count }, (_, n): Command => ({
      orderId: idOf(manyRows + nth * 1000 + n),
      action,
      resource: `user-${1 + (n * 7919) % manyRows}`,
      quantity: 1,
    }))
  const by = ["reservations_pkey", "accounts_pkey"]
  return {
    "money is reserved": { ask: apply(commands("reserve")), by, reads: count },
    "money is reserved again": { ask: apply(commands("reserve")), by, reads: count },
    "money is given back": { ask: apply(commands("cancel")), by, reads: count },
  }
}

const booksOf = ({ page }: Books["Service"]): Questions => () => {
  const by = ["reservations_pkey"]
  const [middle, before] = [idOf(manyRows / 2), idOf(manyRows / 2 - 100)]
  return {
    "the audit reads the newest records": { ask: page({}), by, reads: maxPage },
    "the audit reads a page": { ask: page({ before: middle }), by, reads: maxPage },
    "the audit reads a range": { ask: page({ before: middle, after: before }), by, reads: 99 },
  }
}

const accountsOf = ({ open, find }: Accounts["Service"]): Questions => (nth) => ({
  "an account is opened": { ask: open(`new-${nth}`, ""), by: [], reads: 0 },
  "an account is looked up": { ask: find("user-20"), by: ["accounts_pkey"], reads: 1 },
})

const adjustmentsOf = ({ adjust }: Adjustments["Service"]): Questions => (nth) => ({
  "a wallet is adjusted": {
    ask: adjust({
      operator: "bob",
      idempotencyKey: `${nth}`,
      // An account that exists from the start, unless the table is empty.
      resource: "user-1",
      change: 1,
      reason: "a credit",
    }).pipe(Effect.catchTag("Problem", () => Effect.void)),
    by: [
      "accounts_pkey",
      "reservations_pkey",
      "adjustments_of_resource",
      "adjustments_operator_idempotency_key_key",
    ],
    // The account, and its earlier adjustments.
    reads: 1 + nth,
  },
})

const stockOf = ({ page, adjustments, records }: Stock["Service"]): Questions => (_, count) => {
  const ledger = ["adjustments_pkey", "adjustments_of_resource"]
  const accounts = ["accounts_names", "adjustments_of_resource"]
  const limit = 20
  const reads = 1 + limit
  const ids = Array.from({ length: count }, (_, n) => idOf(1 + n))
  return {
    "operators read accounts": { ask: page({ after: "user-2", limit }), by: accounts, reads },
    "operators read their first page": {
      ask: page({ limit: 1 }),
      by: accounts,
      reads: 2,
    },
    "operators search accounts": { ask: page({ prefix: "user-2", limit }), by: accounts, reads },
    "operators read the next page of a search": {
      ask: page({ prefix: "user-2", after: "user-20", limit }),
      by: accounts,
      reads,
    },
    "operators search accounts that do not exist": {
      ask: page({ prefix: "userx" }),
      by: accounts,
      reads: 0,
    },
    "operators read the ledger": { ask: adjustments({ limit }), by: ledger, reads },
    "operators read the next page of the ledger": {
      ask: adjustments({ after: 3, limit }),
      by: ledger,
      reads,
    },
    "operators read the ledger of one account": {
      ask: adjustments({ resource: "user-2", limit }),
      by: ledger,
      reads,
    },
    "operators read the next page of one account's ledger": {
      ask: adjustments({ resource: "user-2", after: 9, limit }),
      by: ledger,
      reads,
    },
    "operators look up orders": { ask: records(ids), by: ["reservations_pkey"], reads: count },
  }
}

const retentionOf = ({ forget }: Retention["Service"]): Questions => () => ({
  "old records are forgotten": {
    ask: forget({ before: idOf(old), except: [idOf(1), idOf(20)] }),
    by: ["reservations_pkey", "accounts_pkey"],
    reads: maxForgotten + 1,
  },
})
