import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Logger } from "effect"
import { stripVTControlCharacters } from "node:util"
import { CurrentRequest } from "#shared/http/request-origin.ts"
import { logLine, logRecord } from "#shared/telemetry/log-record.ts"

/** The effect's log, as records. */
const recordsOf = (effect: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const records: Array<Readonly<Record<string, unknown>>> = []
    const logger = Logger.make((entry) => void records.push(logRecord(entry)))
    yield* Effect.provide(effect, Logger.layer([logger]))
    return records
  })

describe("a log record", () => {
  it.effect("has a text as its message, and the other logged values as fields of its own", () =>
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

  it.effect("begins with time, level, service, text and ids, in this order", () =>
    Effect.gen(function* () {
      const [bare, full] = yield* recordsOf(Effect.gen(function* () {
        yield* Effect.logInfo("It starts")
        yield* Effect.logInfo("It is asked", { orderId: "o-3" }).pipe(
          Effect.annotateLogs({ service: "orders", attempts: 1 }),
          Effect.provideService(CurrentRequest, {
            requestId: "r-1",
            request: new Request("http://orders", {
              headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
            }),
          }),
        )
      }))
      assert.hasAllKeys(bare, ["time", "level", "message"])
      assert.deepStrictEqual(Object.keys(full!), [
        "time",
        "level",
        "service",
        "message",
        "orderId",
        "traceId",
        "requestId",
        "attempts",
      ])
      assert.include(full, {
        traceId: "0af7651916cd43dd8448eb211c80319c",
        requestId: "r-1",
        service: "orders",
      })
      assert.match(String(full!["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }))

  it.effect("is a line for a person, with the cause below it", () =>
    Effect.gen(function* () {
      const [record] = yield* recordsOf(
        Effect.logError(
          "It broke",
          { orderId: "o-4", why: "no room" },
          Cause.die(new Error("bang")),
        )
          .pipe(Effect.annotateLogs({ service: "orders" })),
      )
      const [line, below] = stripVTControlCharacters(logLine(record!)).split("\n")
      assert.match(line!, /^00:00:00\.000 ERROR orders: It broke orderId=o-4 why="no room"$/)
      assert.include(below, "bang")
    }))
})
