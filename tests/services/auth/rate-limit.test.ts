/** Limits in this process and in a real Redis: shared by replicas, unavailable, or hanging. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, References, Result } from "effect"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { Redis } from "ioredis"
import { LimitReached, makeRateLimits, type RateLimits } from "#services/auth/rate-limit.ts"
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

type Limits = RateLimits["Service"]

/** Ten tokens at once, and another after every six minutes. */
const bucket = (name: string, kind = "tests") => ({ kind, name, limit: 10, refillMs: 360_000 })

/** How many of `times` attempts a bucket of ten allows. */
const allowed = (limits: Limits, name: string, times: number) =>
  Effect.gen(function* () {
    let passed = 0
    for (let n = 0; n < times; n++) {
      const taken = yield* Effect.result(limits.take([bucket(name)]))
      if (Result.isSuccess(taken)) passed++
      else assert.instanceOf(taken.failure, LimitReached)
    }
    return passed
  }).pipe(quietly)

const aKey = () => crypto.randomUUID()

describe("makeRateLimits", () => {
  for (
    const [where, url] of [["in this process", () => "memory:"], [
      "in Redis",
      () => redis.url,
    ]] as const
  ) {
    it.effect(`counts each name of a kind separately, and takes tokens back: ${where}`, () =>
      Effect.gen(function* () {
        const limits = yield* makeRateLimits(new URL(url()))
        const [one, other] = [aKey(), aKey()]
        assert.strictEqual(yield* allowed(limits, one, 12), 10)
        assert.strictEqual(yield* allowed(limits, other, 12), 10)
        assert.deepStrictEqual(yield* limits.take([bucket(one, "another kind")]), [1])
        assert.deepStrictEqual(yield* limits.take([bucket(one, "another kind")]), [2])
        yield* limits.putBack([bucket(one), bucket(one, "another kind")])
        assert.strictEqual(yield* allowed(limits, one, 3), 1)
        assert.deepStrictEqual(yield* limits.take([bucket(one, "another kind")]), [2])
      }))

    it.effect(`takes from all buckets or from none, and tells the longest wait: ${where}`, () =>
      Effect.gen(function* () {
        const limits = yield* makeRateLimits(new URL(url()))
        const [empty, emptier, full] = [aKey(), aKey(), aKey()]
        const slow = { ...bucket(emptier), limit: 1, refillMs: 3_600_000 }
        yield* limits.take([slow])
        assert.strictEqual(yield* allowed(limits, empty, 10), 10)
        for (const buckets of [[bucket(full), bucket(empty)], [bucket(empty), bucket(full)]]) {
          const refused = yield* Effect.flip(limits.take(buckets))
          assert.isAbove(refused.waitMs, 300_000)
          assert.isAtMost(refused.waitMs, 360_000)
        }
        const { waitMs } = yield* Effect.flip(limits.take([bucket(empty), slow, bucket(full)]))
        assert.isAbove(waitMs, 3_000_000)
        assert.isAtMost(waitMs, 3_600_000)
        assert.deepStrictEqual(yield* limits.take([bucket(full)]), [1])
      }))
  }

  it.effect("keeps nothing in Redis for buckets that are refused, put back or refilled", () =>
    Effect.gen(function* () {
      const limits = yield* makeRateLimits(new URL(redis.url))
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => new Redis(redis.url)),
        (client) => Effect.sync(() => client.disconnect()),
      )
      const keys = (name: string) => Effect.promise(() => client.keys(`auth:buckets:*${name}*`))
      const [empty, other, back] = [aKey(), aKey(), aKey()]
      yield* allowed(limits, empty, 10)
      yield* Effect.flip(limits.take([bucket(other), bucket(empty)]))
      assert.deepStrictEqual(yield* keys(other), [])
      yield* limits.take([bucket(back)])
      yield* limits.putBack([bucket(back)])
      assert.deepStrictEqual(yield* keys(back), [])
      const [key = ""] = yield* keys(empty)
      const lives = yield* Effect.promise(() => client.pttl(key))
      assert.isAbove(lives, 3_500_000)
      assert.isAtMost(lives, 3_600_000)
    }))

  it.effect("refills as time passes: in this process", () =>
    Effect.gen(function* () {
      const limits = yield* makeRateLimits(new URL("memory:"))
      const one = aKey()
      assert.strictEqual(yield* allowed(limits, one, 12), 10)
      yield* TestClock.adjust("6 minutes")
      assert.strictEqual(yield* allowed(limits, one, 2), 1)
    }))

  it.effect("refills as time passes, even when the wall clock is set back: in this process", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const limits = yield* makeRateLimits(new URL("memory:"))
      const key = aKey()
      assert.strictEqual(yield* allowed(limits, key, 12), 10)
      yield* TestClock.setTime(1_800_000_000_000 - 3_600_000)
      yield* TestClock.adjust("12 minutes")
      assert.strictEqual(yield* allowed(limits, key, 5), 2)
    }))

  it.effect("refills by the clock of Redis, not by the clocks of the replicas", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const limits = yield* makeRateLimits(new URL(redis.url))
      const key = aKey()
      const fast = [{ ...bucket(key), refillMs: 100 }]
      for (let n = 0; n < 10; n++) yield* limits.take(fast)
      // By a replica's clock, the bucket would not refill for an hour, or would be full at once.
      yield* TestClock.setTime(1_800_000_000_000 - 3_600_000)
      yield* Effect.result(limits.take(fast)).pipe(
        Effect.repeat({ until: Result.isSuccess, times: 100_000 }),
        Effect.tap((taken) => Effect.sync(() => assert.isTrue(Result.isSuccess(taken)))),
      )
      yield* TestClock.setTime(1_800_000_000_000 + 3_600_000)
      const slow = aKey()
      assert.strictEqual(yield* allowed(limits, slow, 12), 10)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* allowed(limits, slow, 2), 0)
    }))

  it.effect("reconnects when its Redis has become a replica", () =>
    Effect.gen(function* () {
      const wrong = yield* refusing(
        "redis",
        "READONLY You can't write against a read only replica.",
      )
      const board = yield* openSwitchboard(wrong.url)
      const [limits, other] = [
        yield* makeRateLimits(new URL(board.url)),
        yield* makeRateLimits(new URL(redis.url)),
      ]
      assert.strictEqual(yield* allowed(limits, aKey(), 12), 10)
      board.switchTo(redis.url)
      const key = aKey()
      yield* until(
        "both replicas count in the same Redis",
        Effect.gen(function* () {
          yield* TestClock.adjust("5 seconds")
          yield* allowed(limits, key, 12)
          return (yield* allowed(other, key, 1)) === 0
        }),
      )
    }))

  it.effect("counts for all replicas together in one Redis, and puts tokens back there", () =>
    Effect.gen(function* () {
      const one = yield* makeRateLimits(new URL(redis.url))
      const other = yield* makeRateLimits(new URL(redis.url))
      const key = aKey()
      assert.strictEqual(yield* allowed(one, key, 6), 6)
      assert.strictEqual(yield* allowed(other, key, 6), 4)
      yield* one.putBack([bucket(key)])
      assert.strictEqual(yield* allowed(other, key, 6), 1)
    }))

  it.effect("counts by itself while Redis is unavailable, and with Redis when it is back", () =>
    Effect.gen(function* () {
      const limits = yield* makeRateLimits(new URL(redis.url))
      const other = yield* makeRateLimits(new URL(redis.url))
      const key = aKey()
      assert.strictEqual(yield* allowed(limits, key, 12), 10)
      yield* Effect.promise(() => redis.kill())
      assert.strictEqual(yield* allowed(limits, key, 12), 10)
      yield* Effect.promise(() => redis.start())
      yield* TestClock.adjust("5 seconds")
      const fresh = aKey()
      assert.strictEqual(yield* allowed(limits, fresh, 12), 10)
      assert.strictEqual(yield* allowed(other, fresh, 12), 0)
    }))

  it.effect("counts by itself when Redis was never available", () =>
    Effect.gen(function* () {
      const limits = yield* makeRateLimits(new URL("redis://127.0.0.1:1"))
      assert.strictEqual(yield* allowed(limits, aKey(), 12), 10)
    }))

  it.effect("lets only one log-in wait for a Redis that hangs", () =>
    Effect.gen(function* () {
      const port = yield* silentServer
      const limits = yield* makeRateLimits(new URL(`redis://127.0.0.1:${port}`))
      const startedAt = performance.now()
      assert.strictEqual(yield* allowed(limits, aKey(), 12), 10)
      // Half a second for the first one. All twelve would take six.
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
