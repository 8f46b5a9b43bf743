/** Counting failures in a real Redis, which is shared by replicas, comes back empty after a crash, or hangs. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, References, Result } from "effect"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { type Consume, makeConsume } from "#services/auth/rate-limit.ts"
import { until } from "#tests/services/orders/until.ts"
import { underLoad } from "#tests/support/patience.ts"
import { refusing } from "#tests/support/refusing-server.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { openSwitchboard } from "#tests/support/switchboard.ts"

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.kill())

const quietly = Effect.provideService(References.MinimumLogLevel, "Error")

/** How many of so many takings a bucket of ten allows. */
const allowed = (consume: Consume, key: string, times: number) =>
  Effect.gen(function* () {
    let passed = 0
    for (let n = 0; n < times; n++) {
      const taken = yield* Effect.result(
        consume({ key, limit: 10, window: "1 hour", algorithm: "token-bucket" }),
      )
      if (Result.isSuccess(taken)) passed++
      else assert.strictEqual(taken.failure.reason._tag, "RateLimitExceeded")
    }
    return passed
  }).pipe(quietly)

const aKey = () => crypto.randomUUID()

describe("makeConsume", () => {
  it.effect("counts within the process for memory:, each name for itself", () =>
    Effect.gen(function* () {
      const consume = yield* makeConsume(new URL("memory:"))
      const [one, other] = [aKey(), aKey()]
      assert.strictEqual(yield* allowed(consume, one, 12), 10)
      assert.strictEqual(yield* allowed(consume, other, 12), 10)
      assert.strictEqual(yield* allowed(consume, one, 1), 0)
      yield* TestClock.adjust("6 minutes")
      assert.strictEqual(yield* allowed(consume, one, 2), 1)
    }))

  it.effect("refills as time goes by, though the wall clock is set back an hour: memory:", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const consume = yield* makeConsume(new URL("memory:"))
      const key = aKey()
      assert.strictEqual(yield* allowed(consume, key, 12), 10)
      yield* TestClock.setTime(1_800_000_000_000 - 3_600_000)
      yield* TestClock.adjust("12 minutes")
      assert.strictEqual(yield* allowed(consume, key, 5), 2)
    }))

  it.effect("refills by the clock of Redis, whatever those of the replicas say", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const consume = yield* makeConsume(new URL(redis.url))
      const key = aKey()
      const fast = { key, limit: 10, window: "1 second", algorithm: "token-bucket" } as const
      for (let n = 0; n < 10; n++) yield* quietly(consume(fast))
      // By such a clock it would not refill for an hour, or be full at once.
      yield* TestClock.setTime(1_800_000_000_000 - 3_600_000)
      yield* Effect.result(quietly(consume(fast))).pipe(
        Effect.repeat({ until: Result.isSuccess, times: 100_000 }),
        Effect.tap((taken) => Effect.sync(() => assert.isTrue(Result.isSuccess(taken)))),
      )
      yield* TestClock.setTime(1_800_000_000_000 + 3_600_000)
      const slow = aKey()
      assert.strictEqual(yield* allowed(consume, slow, 12), 10)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* allowed(consume, slow, 2), 0)
    }))

  it.effect("forgets the longest unused of more names than it can remember", () =>
    Effect.gen(function* () {
      const consume = yield* makeConsume(new URL("memory:"))
      const [one, other] = [aKey(), aKey()]
      yield* allowed(consume, one, 10)
      yield* allowed(consume, other, 10)
      for (let n = 0; n < 19_999; n++) {
        yield* allowed(consume, `name ${n}`, 1)
        if (n === 10_000) assert.strictEqual(yield* allowed(consume, other, 1), 0)
      }
      assert.strictEqual(yield* allowed(consume, other, 1), 0)
      assert.strictEqual(yield* allowed(consume, one, 1), 1)
    }))

  it.effect("leaves a Redis that became a replica for the one that its address leads to", () =>
    Effect.gen(function* () {
      const wrong = yield* refusing(
        "redis",
        "READONLY You can't write against a read only replica.",
      )
      const board = yield* openSwitchboard(wrong.url)
      const [consume, other] = [
        yield* makeConsume(new URL(board.url)),
        yield* makeConsume(new URL(redis.url)),
      ]
      assert.strictEqual(yield* allowed(consume, aKey(), 12), 10)
      board.switchTo(redis.url)
      const key = aKey()
      yield* until(
        "they count together",
        Effect.gen(function* () {
          yield* TestClock.adjust("5 seconds")
          yield* allowed(consume, key, 12)
          return (yield* allowed(other, key, 1)) === 0
        }),
      )
    }))

  it.effect("counts together for all replicas at one Redis, and gives back there", () =>
    Effect.gen(function* () {
      const one = yield* makeConsume(new URL(redis.url))
      const other = yield* makeConsume(new URL(redis.url))
      const key = aKey()
      assert.strictEqual(yield* allowed(one, key, 6), 6)
      assert.strictEqual(yield* allowed(other, key, 6), 4)
      yield* one({ key, tokens: -1, limit: 10, window: "1 hour", algorithm: "token-bucket" })
      assert.strictEqual(yield* allowed(other, key, 6), 1)
    }))

  it.effect("goes on counting by itself while Redis is away, and with Redis when it is back", () =>
    Effect.gen(function* () {
      const consume = yield* makeConsume(new URL(redis.url))
      const other = yield* makeConsume(new URL(redis.url))
      const key = aKey()
      assert.strictEqual(yield* allowed(consume, key, 12), 10)
      yield* Effect.promise(() => redis.kill())
      assert.strictEqual(yield* allowed(consume, key, 12), 10)
      yield* Effect.promise(() => redis.start())
      yield* TestClock.adjust("5 seconds")
      const fresh = aKey()
      assert.strictEqual(yield* allowed(consume, fresh, 12), 10)
      assert.strictEqual(yield* allowed(other, fresh, 12), 0)
    }))

  it.effect("goes on counting by itself when Redis was never there", () =>
    Effect.gen(function* () {
      const consume = yield* makeConsume(new URL("redis://127.0.0.1:1"))
      assert.strictEqual(yield* allowed(consume, aKey(), 12), 10)
    }))

  it.effect("lets one log-in wait for a Redis that hangs, not each", () =>
    Effect.gen(function* () {
      const port = yield* silentServer
      const consume = yield* makeConsume(new URL(`redis://127.0.0.1:${port}`))
      const startedAt = performance.now()
      assert.strictEqual(yield* allowed(consume, aKey(), 12), 10)
      // Half a second for the first one; it would be six for all twelve.
      assert.isBelow(performance.now() - startedAt, underLoad(3_000))
    }))
})

/** Accepts connections and never answers, as a stopped process does. */
const silentServer = Effect.acquireRelease(
  Effect.promise(async () => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => sockets.add(socket)).listen(0, "127.0.0.1")
    await once(server, "listening")
    return { server, sockets }
  }),
  ({ server, sockets }) =>
    Effect.sync(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }),
).pipe(Effect.map(({ server }) => (server.address() as { port: number }).port))
