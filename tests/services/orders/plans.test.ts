/** Every statement reads the orders table by index, whatever the table's size when planned. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { badlyPlannedAt } from "#tests/support/plans.ts"
import { plannedOrders } from "./planned-orders.ts"

describe("the orders table", () => {
  // The migrations delay the analysis of a small table, so PostgreSQL never plans for a handful of
  // orders.
  for (const few of [0, 10, 30, 100, 1_000]) {
    it.live(
      `is read by index at twenty thousand orders, even by plans made at ${few}`,
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* badlyPlannedAt(few, yield* plannedOrders), [])
        }),
    )
  }

  it.live("is not vacuumed or analyzed while it has only a few orders", () =>
    Effect.gen(function* () {
      const { sql } = yield* plannedOrders
      const [table] = yield* Effect.promise(() =>
        sql`select reloptions from pg_class where oid = 'orders'::regclass`
      )
      assert.includeMembers(table?.reloptions, [
        "autovacuum_analyze_threshold=5000",
        "autovacuum_vacuum_threshold=5000",
      ])
    }))
})
