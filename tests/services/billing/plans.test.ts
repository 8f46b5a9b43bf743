/**
 * Accounts and reservations are read by their indexes, by every statement of billing, whatever
 * there was at first.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { badlyPlannedAt } from "#tests/support/plans.ts"
import { plannedBilling } from "./planned-billing.ts"

describe("Billing", () => {
  for (const few of [0, 1, 4, 30, 100, 1_000]) {
    it.live(
      `reads no more of twenty thousand records than it asks for, if there were ${few} when it was planned`,
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* badlyPlannedAt(few, yield* plannedBilling), [])
        }),
    )
  }
})
