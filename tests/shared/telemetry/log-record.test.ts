import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { logRecord } from "#shared/telemetry/telemetry.ts"

/** What is logged by the effect, as records. */
const recordsOf = (effect: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const records: Array<Readonly<Record<string, unknown>>> = []
    const logger = Logger.make((entry) => void records.push(logRecord(entry)))
    yield* Effect.provide(effect, Logger.layer([logger]))
    return records
  })

describe("a log record", () => {
  it.effect("has a text as its message, and what was logged with it as fields of its own", () =>
    Effect.gen(function* () {
      const [record] = yield* recordsOf(
        Effect.logWarning("It does not get through", { orderId: "o-1", attempts: 3 }),
      )
      assert.deepInclude(record, {
        message: "It does not get through",
        level: "WARN",
        orderId: "o-1",
        attempts: 3,
      })
    }))

  it.effect("has annotations as fields, and lets none of them hide the message or the level", () =>
    Effect.gen(function* () {
      const [record] = yield* recordsOf(
        Effect.logError("It broke").pipe(
          Effect.annotateLogs({ orderId: "o-2", message: "not this", level: "not this" }),
        ),
      )
      assert.deepInclude(record, { message: "It broke", level: "ERROR", orderId: "o-2" })
    }))
})
