/** Every log entry of a service names it, also when all services log to one place. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger } from "effect"
import { vi } from "vitest"
import { Environment } from "#shared/config/settings.ts"
import { makeApp } from "#shared/http/app.ts"
import { serve, service, startWithin } from "#shared/service/service.ts"
import { logRecord } from "#shared/telemetry/log-record.ts"

/** Logs while it starts, from a fiber of its own, and when its readiness is checked. */
const talkative = service({
  name: "slots",
  settings: {},
  layers: () =>
    Layer.effectDiscard(
      Effect.flatMap(Effect.forkScoped(Effect.logInfo("works by itself")), Fiber.join),
    ),
  app: () =>
    Effect.andThen(
      Effect.logInfo("starts"),
      makeApp({
        name: "slots",
        description: "Talks.",
        routes: [],
        ready: { itself: Effect.logInfo("is asked") },
      }),
    ),
})

describe("a service's log entries", () => {
  it.effect("name it when it starts among others, and whatever logs later", () =>
    Effect.gen(function* () {
      const records: Array<Readonly<Record<string, unknown>>> = []
      const logger = Logger.make((entry) => void records.push(logRecord(entry)))
      yield* Effect.gen(function* () {
        const { internal } = yield* startWithin(talkative, {})
        yield* Effect.promise(async () => await internal.request("/readyz"))
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(
        records.map(({ service, message }) => `${service} ${message}`).sort(),
        ["slots is asked", "slots starts", "slots works by itself"],
      )
    }))

  it.live("name it when it is a process of its own", () =>
    Effect.gen(function* () {
      const log = vi.spyOn(console, "log").mockImplementation(() => {})
      yield* Effect.addFinalizer(() => Effect.sync(() => log.mockRestore()))
      yield* serve(talkative).pipe(
        Effect.provideService(Environment, {
          INTERNAL_HOST: "127.0.0.1",
          INTERNAL_PORT: "0",
          LOG_FORMAT: "json",
        }),
        Effect.forkScoped,
      )
      yield* Effect.promise(() =>
        vi.waitFor(() => assert.include(String(log.mock.lastCall?.[0]), "listens"), 20_000)
      )
      const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as { service?: string })
      assert.isAtLeast(lines.length, 3)
      for (const line of lines) assert.strictEqual(line.service, "slots")
    }))
})
