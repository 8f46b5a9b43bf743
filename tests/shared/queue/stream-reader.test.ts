/** What the reader makes of answers that never arrive: Redis has handed the entry out, and nobody has got it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Redis } from "ioredis"
import { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { makeReader } from "#shared/queue/stream-reader.ts"
import { CommandRefused, type StreamTransport } from "#shared/queue/stream-transport.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { losing } from "./lossy-proxy.ts"
import { anOrder } from "./subjects.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
}, 300_000)
afterAll(() => server.kill())

const options = {
  group: "testers",
  consumer: "a",
  claimAfter: Duration.minutes(1),
  forgetAfter: Duration.hours(1),
  deadLettersFor: Duration.days(30),
}

describe("makeReader", () => {
  it.effect("goes on claiming every beat though the wall clock is set back an hour", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const redis = yield* Effect.acquireRelease(
        Effect.sync(() => new Redis(server.url, { protocol: 2 })),
        (redis) => Effect.sync(() => redis.disconnect()),
      )
      let claims = 0
      const transport: StreamTransport = {
        send: (commands) =>
          Effect.tryPromise({
            try: () =>
              Promise.all(commands.map(([name, ...parameters]) => {
                if (name === "xautoclaim") claims++
                return redis.call(name, ...parameters)
              })),
            catch: (error) => new CommandRefused({ message: (error as Error).message }),
          }),
        sendBlocking: undefined,
      }
      const stream = `test:${crypto.randomUUID()}`
      const read = makeReader(transport, { ...options, stream }, new Set())
      // The first one makes the group.
      for (let n = 0; n < 3; n++) yield* read(1)
      assert.strictEqual(claims, 1)
      yield* TestClock.setTime(1_800_000_000_000 - 3_600_000)
      yield* TestClock.adjust("1 minute")
      yield* read(1)
      assert.strictEqual(claims, 2)
    }))

  it.live("reads again what an answer carried that was lost, without waiting for the claim time", () =>
    Effect.gen(function* () {
      const order = anOrder()
      const url = yield* losing({ answerWith: order.orderId }, server.url)
      const queue = yield* redisOrderQueue(url, {
        ...options,
        stream: `test:${crypto.randomUUID()}`,
      })
      yield* queue.publish([order])
      assert.instanceOf(yield* Effect.flip(queue.take(1)), QueueUnavailable)
      const [delivery] = yield* queue.take(1)
      assert.deepStrictEqual(delivery?.message, order)
      assert.isTrue(delivery?.redelivered)
    }))
})
