/** Databases that cannot be written, as after a failover: orders wait, and then go on at once. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Sql } from "postgres"
import { until } from "#tests/services/orders/until.ts"
import { startSystem } from "./running-system.ts"

const databaseOf = (sql: Sql) =>
  Effect.promise(async () => String((await sql`select current_database() as name`)[0]!["name"]))

/** Cuts the service's connections, so that it reconnects to a server that cannot be written. */
const failOver = (sql: Sql, database: string) =>
  Effect.promise(async () => {
    await sql.unsafe(`alter database "${database}" set default_transaction_read_only = on`)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'unwind-%'`
  })

const promote = (sql: Sql, database: string) =>
  Effect.promise(() =>
    sql.unsafe(`alter database "${database}" reset default_transaction_read_only`)
  )

describe("an order", () => {
  for (const service of ["billing", "items", "slots"] as const) {
    it.live(
      `waits while ${service} cannot write, and is completed without a restart when it can`,
      () =>
        Effect.gen(function* () {
          const system = yield* startSystem()
          yield* system.orchestrate()
          const user = yield* system.customer
          const sql = system.sql[service]
          const database = yield* databaseOf(sql)
          yield* failOver(sql, database)
          const { id } = yield* system.order(user)
          yield* until("the order is tried more than once", () => system.requests[service] > 3)
          assert.strictEqual((yield* system.look(user, id)).status, "pending")
          yield* promote(sql, database)
          const { status } = yield* system.final(user, id)
          assert.strictEqual(status, "completed")
          assert.deepStrictEqual(yield* system.left(user), [8001, 99, 99])
        }),
    )
  }
})
