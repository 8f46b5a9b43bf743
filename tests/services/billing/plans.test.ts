/** Every statement of billing reads its tables by index, whatever their size when planned. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { badlyPlannedAt } from "#tests/support/plans.ts"
import { plannedBilling } from "./planned-billing.ts"

describe("a table of billing", () => {
  for (const few of [0, 1, 4, 30, 100, 1_000]) {
    it.live(
      `is read by index at twenty thousand rows, even by plans made at ${few}`,
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* badlyPlannedAt(few, yield* plannedBilling), [])
        }),
    )
  }
})
