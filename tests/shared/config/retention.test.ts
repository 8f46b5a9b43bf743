/** RETENTION, as an operator sets it: at least a day, in words, and in five services. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { auth } from "#services/auth/service.ts"
import { billing } from "#services/billing/service.ts"
import { items } from "#services/items/service.ts"
import { orchestrator } from "#services/orchestrator/service.ts"
import { deadlineSetting } from "#services/orchestrator/settings.ts"
import { orders } from "#services/orders/service.ts"
import { slots } from "#services/slots/service.ts"
import { retentionSetting } from "#shared/config/retention.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"

const read = (value?: string) =>
  Effect.provideService(readSettings(retentionSetting), Environment, { RETENTION: value })

describe("RETENTION", () => {
  it.effect("is 30 days, unless it is set to another time of a day or more", () =>
    Effect.gen(function* () {
      const times = [undefined, "1 day", "24 hours", "90 days", "52 weeks", "100000 days"]
      const days = [30, 1, 1, 90, 364, 100_000]
      for (const [n, value] of times.entries()) {
        assert.strictEqual(Duration.toDays((yield* read(value)).RETENTION), days[n])
      }
    }))

  for (const wrong of ["23 hours", "0 days", "-30 days", "30", "a month", "Infinity"]) {
    it.effect(`cannot be "${wrong}", and one line says why`, () =>
      Effect.gen(function* () {
        const { message } = yield* Effect.flip(read(wrong))
        assert.strictEqual(
          message,
          "One setting is missing or invalid (see .env.example):\n  RETENTION is wrong: set it to how long " +
            'outcomes, idempotency keys and dead letters are remembered, at least "1 day", ' +
            'in words such as "2 minutes" or "500 millis"',
        )
      }))
  }

  it.effect("is longer than the longest deadline of an order", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(
        Effect.provideService(readSettings(deadlineSetting), Environment, {
          ORDER_DEADLINE: "13 hours",
        }),
      )
      assert.match(message, /ORDER_DEADLINE is wrong: set it to .* at most "12 hours"/)
    }))

  it("is the same setting in all five services that remember orders", () => {
    for (const { settings } of [billing, items, slots, orders, orchestrator]) {
      assert.strictEqual(settings.RETENTION, retentionSetting.RETENTION)
    }
    assert.notProperty(auth.settings, "RETENTION")
  })
})
