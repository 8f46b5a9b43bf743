/** Intake while the database stalls: the number of waiting orders is limited. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { Sql } from "postgres"
import { patient } from "#tests/support/patient-database.ts"
import { clientOf, databaseOf, startOrders, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

/** Blocks writes to the orders table until `end` is done. Reads go on. */
const stall = Effect.fnUntraced(function* (sql: Sql, end: Deferred.Deferred<void>) {
  const stalled = yield* Deferred.make<void>()
  const over = yield* Effect.forkChild(Effect.promise(() =>
    sql.begin(async (transaction) => {
      await transaction`lock table orders in share mode`
      Deferred.doneUnsafe(stalled, Effect.void)
      await Effect.runPromise(Deferred.await(end))
    })
  ))
  yield* Deferred.await(stalled)
  return over
})

/** Waits until a batch of orders is blocked by the lock. */
const batchIsBlocked = (sql: Sql) =>
  until(
    "a batch waits for the lock",
    Effect.promise(async () =>
      (await sql`select from pg_locks where not granted and locktype = 'relation'`).count === 1
    ),
  )

const stored = (sql: Sql) =>
  Effect.promise(async () =>
    (await sql<Array<{ id: string }>>`select id from orders order by id`).map(({ id }) => id)
  )

describe("intake, while the database stalls", () => {
  // The clock stands still, so no order waits too long.
  it.effect(
    "refuses at once an order that would wait behind ten batches, and stores all that wait",
    () =>
      Effect.gen(function* () {
        const url = yield* databaseOf("orders")
        const sql = yield* clientOf(url)
        const { call } = yield* startOrders({ DATABASE_URL: patient(url) })
        const end = yield* Deferred.make<void>()
        const over = yield* stall(sql, end)
        const post = () => Effect.runPromise(call("/api/orders/", { body: wanted }))
        const first = post()
        yield* batchIsBlocked(sql)
        const others = Array.from({ length: 5_001 }, post)
        const refused = yield* Effect.promise(() => Promise.race([first, ...others]))
        assert.strictEqual(refused.status, 503)
        assert.strictEqual(refused.headers.get("retry-after"), "5")
        assert.strictEqual(refused.body.code, "overloaded")
        yield* Deferred.succeed(end, undefined)
        yield* Fiber.join(over)
        const statuses = yield* Effect.promise(() => Promise.all([first, ...others]))
        assert.strictEqual(statuses.filter(({ status }) => status === 201).length, 5_001)
        assert.strictEqual((yield* stored(sql)).length, 5_001)
      }),
  )
})
