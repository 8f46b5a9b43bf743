/** How trouble that comes back with every request is logged: its beginning and its end. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import { logRecord } from "#shared/telemetry/log-record.ts"
import { saidOnce } from "#shared/telemetry/said-once.ts"

/** Runs the effect with a logger that says everything once; `said` has its lines so far. */
const saying = <A, E>(effect: (said: ReadonlyArray<string>) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const said: Array<string> = []
    const collect = Logger.make((entry) => {
      const { level, message, orderId } = logRecord(entry)
      said.push([level, message, orderId].filter((part) => part !== undefined).join(" "))
    })
    const logger = yield* saidOnce(new Set([collect]))
    yield* Effect.provide(effect(said), Logger.layer([logger]))
  }).pipe(Effect.scoped)

const fail = Effect.suspend(() =>
  Effect.logWarning("The database is away", { requestId: crypto.randomUUID() })
)

describe("a logger that says everything once", () => {
  it.effect("logs the first of many failed requests, and their number at the end", () =>
    saying((said) =>
      Effect.gen(function* () {
        for (let second = 0; second < 300; second++) {
          yield* fail
          yield* fail
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(said, ["WARN The database is away"])
        }
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(said, [
          "WARN The database is away",
          "WARN Occurred 600 times in 300 s, then not for a minute: The database is away",
        ])
        yield* fail
        assert.strictEqual(said.length, 3)
        assert.strictEqual(said[2], "WARN The database is away")
      })
    ))

  it.effect("does not report an end between two attempts that are half a minute apart", () =>
    saying((said) =>
      Effect.gen(function* () {
        for (let tries = 0; tries < 20; tries++) {
          yield* fail
          yield* TestClock.adjust("30 seconds")
        }
        assert.strictEqual(said.length, 1)
      })
    ))

  it.effect("reports no end of something that happened once", () =>
    saying((said) =>
      Effect.gen(function* () {
        yield* fail
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(said.length, 1)
      })
    ))

  it.effect("distinguishes entries by level, text, fields and cause", () =>
    saying((said) =>
      Effect.gen(function* () {
        for (let times = 0; times < 2; times++) {
          yield* Effect.logWarning("It broke")
          yield* Effect.logError("It broke")
          yield* Effect.logWarning("It broke again")
          yield* Effect.logWarning("It broke", { orderId: "o-1" })
          yield* Effect.logWarning("It broke").pipe(Effect.annotateLogs({ orderId: "o-2" }))
          for (const why of ["a", "b"]) {
            yield* Effect.die(new Error(why)).pipe(
              Effect.catchCause((cause) => Effect.logError("A defect", cause)),
            )
          }
        }
        assert.deepStrictEqual(said, [
          "WARN It broke",
          "ERROR It broke",
          "WARN It broke again",
          "WARN It broke o-1",
          "WARN It broke o-2",
          "ERROR A defect",
          "ERROR A defect",
        ])
      })
    ))

  it.effect("says everything that is not trouble as often as it happens", () =>
    saying((said) =>
      Effect.gen(function* () {
        yield* Effect.repeat(Effect.logInfo("A log-in failed"), { times: 2 })
        assert.strictEqual(said.length, 3)
      })
    ))

  it.effect("keeps a bounded number of entries, and loses no line because of that", () =>
    saying((said) =>
      Effect.gen(function* () {
        for (let n = 0; n < 1_200; n++) yield* Effect.logWarning(`Trouble ${n}`)
        yield* Effect.logWarning("Trouble 0")
        yield* Effect.logWarning("Trouble 1199")
        assert.strictEqual(said.length, 1_201)
      })
    ))
})
