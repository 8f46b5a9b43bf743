/**
 * All queries of the orders service, by the code that makes them, for tests of their plans in
 * PostgreSQL.
 */
import { Clock, Context, Duration, Effect, Layer, type Scope } from "effect"
import { join } from "node:path"
import { countAt } from "#services/orders/counts.ts"
import { type Insertion, OrderStore } from "#services/orders/order-table.ts"
import { orderStoreLayer } from "#services/orders/orders-sql.ts"
import { Register } from "#services/orders/register.ts"
import { Search } from "#services/orders/search.ts"
import { AuditedOrders } from "#services/orders/audited-orders.ts"
import { forgetKeys } from "#services/orders/upkeep.ts"
import { maxPage } from "#shared/contracts/audit.ts"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import type { OrderSearchQuery } from "#shared/contracts/order-search.ts"
import { Database } from "#shared/postgres/database.ts"
import { manyRows, type Questions, type Subject } from "#tests/support/plans.ts"
import { noChanges } from "#tests/instruments/simulation/no-changes.ts"
import { tapPostgres } from "#tests/support/tapped-postgres.ts"
import { newDatabase, onlooker, openDatabase } from "../../shared/postgres/open-database.ts"
import { anOrder } from "./an-order.ts"

// One order in ten is not final. The first tenth of all orders is older than keys are kept.
const unfinished = manyRows / 10
const old = manyRows / 10

const [whenOld, whenNew] = [40, 0].map((days) =>
  firstIdAt(Date.now() - Duration.toMillis(Duration.days(days))).slice(0, 13)
)
const idOf = (n: number): OrderId =>
  OrderId.make(`${n <= old ? whenOld : whenNew}-7000-8000-${n.toString(16).padStart(12, "0")}`)

/** A new database whose every second order is Ann's. The others belong to five hundred users. */
export const plannedOrders: Effect.Effect<Subject, unknown, Scope.Scope> = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  const tapped = yield* tapPostgres(url)
  const migrations = join(import.meta.dirname, "../../../services/orders/migrations")
  const database = yield* openDatabase(tapped.url, { poolSize: 1, migrations })
  return {
    database,
    tapped,
    sql,
    tables: ["orders"],
    grow: (from, to) =>
      Effect.promise(() =>
        sql`
          insert into orders
            (id, username, amount, details, steps, status, reason, created_at, decided_at, publish_at, idempotency_key, stuck)
          select ((case when n <= ${old}::int then ${whenOld!} else ${whenNew!} end)
              || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            case when n % 2 = 0 then 'ann' else 'user-' || n % 1000 end, 1,
            jsonb_build_object('item', case when n % 500 = 4 then 77 else 1 end, 'slot', '09:00'),
            '["money","item","slot"]',
            case when n % 1000 = 17 then 'compensating' when n % 10 = 7 then 'pending'
              when n % 10 = 3 then 'failed' else 'completed' end,
            case when n % 500 = 3 then 'Order timed out' when n % 10 = 3 then 'Not enough money' end,
            now(), case when n % 10 <> 7 then now() end, case when n % 10 = 7 then now() end, 'key-' || n,
            case when n % 1000 = 17 then '{"step":"item","cause":"away","attempts":2,"nextAttemptAt":"soon"}'::jsonb end
          from generate_series(${from}::int, ${to}::int) n`
      ),
    questions: yield* questionsTo(database),
  }
})

const questionsTo = (database: Database["Service"]): Effect.Effect<Questions, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.mergeAll(AuditedOrders.layer, Search.layer, Register.layer).pipe(
        Layer.provide(noChanges),
        Layer.provideMerge(orderStoreLayer),
        Layer.provideMerge(Layer.succeed(Database, database)),
      ),
    )
    const intake = intakeOf(Context.get(context, OrderStore))
    const sweeper = sweeperOf(Context.get(context, OrderStore))
    const register = registerOf(Context.get(context, Register))
    const audit = auditOf(Context.get(context, AuditedOrders))
    const console = searchOf(Context.get(context, Search), database)
    const upkeep: Questions = () => ({
      "the keys of old orders are forgotten": {
        ask: Effect.provideService(forgetKeys(Duration.days(30)), Database, database),
        by: ["orders_with_key", "orders_pkey"],
        reads: old,
      },
    })
    return (nth, count) =>
      Object.assign(
        {},
        ...[intake, sweeper, register, audit, upkeep, console].map((of) => of(nth, count)),
      )
  })

const intakeOf = ({ query }: OrderStore["Service"]): Questions => (nth, count) => ({
  "orders are inserted": {
    ask: query((orders) => orders.insert(insertions(nth, count))),
    by: [],
    reads: 0,
  },
  "orders are looked up": {
    ask: query((orders) => orders.find(insertions(nth, count).map(({ order }) => order.id))),
    by: ["orders_pkey"],
    reads: count,
  },
  "an idempotency key is looked up": {
    ask: query((orders) => orders.findByKeys([{ username: "ann", key: "key-500" }])),
    by: ["orders_by_idempotency_key"],
    reads: 1,
  },
  "many idempotency keys are looked up": {
    ask: query((orders) =>
      orders.findByKeys(
        Array.from({ length: 100 }, (_, n) => ({ username: "ann", key: `key-${2 * n + 2}` })),
      )
    ),
    by: ["orders_by_idempotency_key"],
    reads: 100,
  },
  "what a user has placed lately is counted": {
    ask: query((orders) => orders.countMade(["ann"], idOf(manyRows - 20))),
    by: ["orders_of_user"],
    reads: 11 + count * (nth + 1),
  },
  "a user's newest orders are listed": {
    ask: query((orders) => orders.newest("ann", 101, undefined)),
    by: ["orders_of_user"],
    reads: 101,
  },
  "an older page of a user's orders is listed": {
    ask: query((orders) => orders.newest("ann", 101, idOf(manyRows / 2))),
    by: ["orders_of_user"],
    reads: 101,
  },
  "the few orders of another user are listed": {
    ask: query((orders) => orders.newest("user-1", 101, undefined)),
    by: ["orders_of_user"],
    reads: 20,
  },
  "the backlog is counted": {
    ask: query((orders) => orders.countUnfinished(100_000)),
    by: ["orders_to_publish"],
    reads: unfinished + count + nth,
  },
})

const sweeperOf = ({ query }: OrderStore["Service"]): Questions => () => ({
  "orders are swept": {
    ask: Effect.gen(function* () {
      const now = new Date(yield* Clock.currentTimeMillis)
      yield* query((orders) => orders.takeDue(now, 500, { firstMs: 15_000, mostMs: 600_000 }))
    }),
    by: ["orders_to_publish", "orders_pkey"],
    reads: 500,
  },
})

const registerOf = ({ decide }: Register["Service"]): Questions => (nth, count) => ({
  "decisions are recorded": {
    ask: decide(
      insertions(nth, count).map(({ order }) => ({
        orderId: OrderId.make(order.id),
        decision: "complete",
        timeline: [],
      })),
    ),
    by: ["orders_pkey"],
    reads: count,
  },
})

const auditOf =
  ({ page, unfinished: notFinal }: AuditedOrders["Service"]): Questions => (nth, count) => ({
    "the audit reads the newest orders": { ask: page({}), by: ["orders_pkey"], reads: maxPage },
    "the audit reads a page": {
      ask: page({ before: idOf(manyRows / 2) }),
      by: ["orders_pkey"],
      reads: maxPage,
    },
    "the audit reads a range": {
      ask: page({ before: idOf(manyRows / 2), after: idOf(manyRows / 2 - 100) }),
      by: ["orders_pkey"],
      reads: 99,
    },
    "the audit asks which orders are not final": {
      ask: notFinal,
      by: ["orders_to_publish"],
      reads: unfinished + count + nth,
    },
  })

const searchOf =
  ({ page, find }: Search["Service"], database: Database["Service"]): Questions => (nth, count) => {
    const open = unfinished + count + nth
    const search = (query: OrderSearchQuery, reads: number, ...by: ReadonlyArray<string>) => ({
      ask: page(query),
      by,
      reads,
    })
    return {
      "an operator looks at an order": {
        ask: Effect.ignore(find(idOf(40))),
        by: ["orders_pkey"],
        reads: 1,
      },
      "orders are counted": {
        ask: database.query((sql) => countAt(sql, Date.now())),
        by: ["orders_to_publish", "orders_pkey"],
        reads: 10_000,
      },
      "orders are searched without a condition": search({}, 101, "orders_pkey"),
      "orders are searched by time": search(
        { placedBefore: "2100-01-01T00:00:00Z", after: idOf(9_000) },
        101,
        "orders_pkey",
      ),
      "orders are searched by the beginning of their ids": search(
        { id: idOf(9_000).slice(0, -2) },
        256,
        "orders_pkey",
      ),
      "orders are searched by a slot that none has": search(
        { slot: "23:59" },
        manyRows,
        "orders_pkey",
      ),
      "orders are searched by user": search({ username: "user-1" }, 20, "orders_of_user"),
      "orders are searched that are pending": search(
        { status: "pending" },
        open,
        "orders_to_publish",
      ),
      "orders are searched that are stuck": search(
        { status: "stuck" },
        manyRows / 1000,
        "orders_stuck",
      ),
      "orders are searched that failed": search({ status: "failed" }, 110, "orders_undone"),
      "orders are searched by reason": search(
        { reason: "Order timed out" },
        manyRows / 500,
        "orders_with_reason",
      ),
      "orders are searched by the step at which they failed": search(
        { step: "money" },
        101,
        "orders_with_reason",
        "orders_stuck",
      ),
      "orders are searched by item": search(
        { item: 77 },
        open,
        "orders_of_item",
        "orders_to_publish",
      ),
    }
  }

/** Orders that are newer than all others. */
const insertions = (nth: number, count: number): ReadonlyArray<Insertion> =>
  Array.from({ length: count }, (_, n) => {
    const at = manyRows + nth * 1000 + n
    const order = anOrder({ id: idOf(at) })
    return { order, idempotencyKey: `key-${at}`, publishAt: new Date() }
  })
