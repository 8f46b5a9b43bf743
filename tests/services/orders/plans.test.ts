/**
 * Every statement of the service reads the orders table by its indexes, whatever the size of the
 * table when it was planned.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { badlyPlannedAt } from "#tests/support/plans.ts"
import { plannedOrders } from "./planned-orders.ts"

describe("the orders table", () => {
  // Plans are never made for a handful of orders: the migrations delay the analysis of the table
  // until it has more.
  for (const few of [0, 10, 30, 100, 1_000]) {
    it.live(
      `reads no more of twenty thousand orders than it asks for, if there were ${few} when it was planned`,
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
