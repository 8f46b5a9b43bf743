import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Changes } from "#services/orders/changes.ts"
import { orderStreams } from "#services/orders/events.ts"
import { noChanges } from "#tests/instruments/simulation/no-changes.ts"
import { anOrder } from "./an-order.ts"

describe("orderStreams", () => {
  it.live("opens a limited number at a time", () =>
    Effect.gen(function* () {
      const openStream = yield* Effect.provide(orderStreams({ most: 2 }), noChanges)
      const start = Effect.gen(function* () {
        // Each stream has a user of its own.
        const order = anOrder({ username: crypto.randomUUID() })
        const { body } = yield* openStream(order, Effect.succeed(anOrder()), -1, Effect.never)
        const reader = body!.getReader()
        yield* Effect.promise(() => reader.read())
        return reader
      })
      const [first] = [yield* start, yield* start]
      const problem = yield* Effect.flip(start)
      assert.strictEqual(problem.status, 503)
      assert.strictEqual(problem.code, "too_many_streams")
      assert.deepStrictEqual(problem.headers, { "retry-after": "5" })
      yield* Effect.promise(() => first.cancel())
      yield* start
      assert.strictEqual((yield* Effect.flip(start)).code, "too_many_streams")
    }))

  it.live("opens at most a tenth of the free streams for one user, so that others find room", () =>
    Effect.gen(function* () {
      const openStream = yield* Effect.provide(orderStreams({ most: 40 }), noChanges)
      const start = (username: string) =>
        Effect.gen(function* () {
          const order = anOrder({ username })
          const { body } = yield* openStream(order, Effect.succeed(order), -1, Effect.never)
          yield* Effect.promise(() => body!.getReader().read())
        })
      yield* Effect.replicateEffect(start("ann"), 3)
      const problem = yield* Effect.flip(start("ann"))
      assert.deepInclude(problem, { status: 429, code: "too_many_streams" })
      assert.deepStrictEqual(problem.headers, { "retry-after": "5" })
      yield* start("bob")
    }))

  it.live("ends a stream with an error when the look-up fails, so that the client reconnects", () =>
    Effect.gen(function* () {
      const changes = Effect.map(Changes, (none) => ({
        ...none,
        watch: () => Effect.succeed(Effect.undefined),
      }))
      const openStream = yield* orderStreams({ most: 1 }).pipe(
        Effect.provideServiceEffect(Changes, changes),
        Effect.provide(noChanges),
      )
      let looks = 0
      const look = Effect.suspend(() =>
        looks++ === 0
          ? Effect.succeed(anOrder())
          : Effect.fail(new Error("the database is unavailable"))
      )
      const { body } = yield* openStream(anOrder(), look, -1, Effect.never)
      const reader = body!.getReader()
      yield* Effect.promise(() => reader.read())
      const broken = yield* Effect.promise(() => reader.read().then(() => undefined, (e) => e))
      assert.strictEqual(broken?.message, "the database is unavailable")
      // Its place is free again.
      yield* openStream(anOrder(), look, -1, Effect.never)
    }))
})
