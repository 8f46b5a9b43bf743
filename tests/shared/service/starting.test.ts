/**
 * A service as a process of its own, while its migration takes longer than any client waits, and
 * when it fails.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, References } from "effect"
import { Environment } from "#shared/config/settings.ts"
import { makeApp } from "#shared/http/app.ts"
import type { Doors } from "#shared/http/doors.ts"
import { serve, type Service } from "#shared/service/service.ts"
import { until } from "#tests/support/customer.ts"
import { freePort } from "#tests/support/free-port.ts"

const app = makeApp({ name: "items", description: "", routes: [], ready: {} })

/** Two replicas, which start as given, and the answers of one of them. */
const starting = Effect.fnUntraced(function* (start: Service<Record<never, never>>["start"]) {
  const port = yield* Effect.promise(freePort)
  const fiber = yield* serve({ name: "items", settings: {}, start }).pipe(
    Effect.provideService(Environment, { INTERNAL_PORT: `${port}`, INTERNAL_HOST: "127.0.0.1" }),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.forkScoped,
  )
  const get = (path: string) =>
    Effect.promise(async () => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return {
        status: response.status,
        retryAfter: response.headers.get("retry-after"),
        body: await response.json() as Record<string, unknown>,
      }
    })
  const listens = Effect.promise(() =>
    until(
      "it listens",
      60_000,
      async () => await fetch(`http://127.0.0.1:${port}/livez`).then(() => true, () => false),
    )
  )
  return { fiber, get, listens }
})

describe("a service that migrates", () => {
  it.live("listens at once, and answers 503 with Retry-After until it is ready", () =>
    Effect.gen(function* () {
      const migrated = yield* Deferred.make<Doors>()
      const replicas = [
        yield* starting(() => Deferred.await(migrated)),
        yield* starting(() => Deferred.await(migrated)),
      ]
      for (const { get, listens } of replicas) {
        yield* listens
        assert.strictEqual((yield* get("/livez")).status, 200)
        const ready = yield* get("/readyz")
        assert.strictEqual(ready.status, 503)
        assert.deepStrictEqual(ready.body["checks"], { start: "still starting" })
        const other = yield* get("/api/items/")
        assert.deepStrictEqual([other.status, other.retryAfter], [503, "1"])
        assert.strictEqual(other.body["code"], "service_unavailable")
      }
      yield* Deferred.succeed(migrated, yield* app)
      for (const { get } of replicas) {
        yield* Effect.promise(() =>
          until(
            "it is ready",
            60_000,
            async () => (await Effect.runPromise(get("/readyz"))).status === 200,
          )
        )
        assert.strictEqual((yield* get("/api/items/")).status, 404)
      }
    }))

  it.live("ends with its message when the migration fails, and stops listening", () =>
    Effect.gen(function* () {
      const failed = yield* Deferred.make<never, { readonly message: string }>()
      const { fiber, get, listens } = yield* starting(() => Deferred.await(failed))
      yield* listens
      yield* Deferred.fail(failed, { message: "the migration 0002_two.sql failed" })
      const exit = yield* Fiber.await(fiber)
      assert.deepStrictEqual(exit, Exit.fail({ message: "the migration 0002_two.sql failed" }))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(get("/livez"))))
    }))

  it.live("closes the parts that it depends on after the server, when it is told to stop", () =>
    Effect.gen(function* () {
      let closed = false
      const { fiber, listens } = yield* starting(() =>
        Effect.andThen(
          Effect.addFinalizer(() => Effect.sync(() => void (closed = true))),
          Effect.never,
        )
      )
      yield* listens
      yield* Fiber.interrupt(fiber)
      assert.isTrue(closed)
    }))
})
