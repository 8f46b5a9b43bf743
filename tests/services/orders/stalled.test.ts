/** Intake while the database stalls: the number of waiting orders is limited. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { patient } from "#tests/support/patient-database.ts"
import { clientOf, databaseOf, startOrders, wanted } from "./running-orders.ts"
import { batchIsBlocked, stallWrites } from "./stalled-table.ts"

describe("intake, while the database stalls", () => {
  // The clock stands still, so no order waits too long.
  it.effect(
    "refuses at once an order that would wait behind ten batches, and stores all that wait",
    () =>
      Effect.gen(function* () {
        const url = yield* databaseOf("orders")
        const sql = yield* clientOf(url)
        const { call } = yield* startOrders({ DATABASE_URL: patient(url) })
        const post = () => Effect.runPromise(call("/api/orders/", { body: wanted }))
        const answers = yield* Effect.scoped(Effect.gen(function* () {
          yield* stallWrites(sql)
          const first = post()
          yield* batchIsBlocked(sql)
          const answers = [first, ...Array.from({ length: 5_001 }, post)]
          const refused = yield* Effect.promise(() => Promise.race(answers))
          assert.strictEqual(refused.status, 503)
          assert.strictEqual(refused.headers.get("retry-after"), "5")
          assert.strictEqual(refused.body.code, "overloaded")
          return answers
        }))
        const statuses = yield* Effect.promise(() => Promise.all(answers))
        assert.strictEqual(statuses.filter(({ status }) => status === 201).length, 5_001)
        const stored = yield* Effect.promise(() => sql`select from orders`)
        assert.strictEqual(stored.length, 5_001)
      }),
  )
})
