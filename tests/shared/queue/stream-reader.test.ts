/** What the reader makes of answers that never arrive: Redis has handed the entry out, and nobody has got it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { losing } from "./lossy-proxy.ts"
import { anOrder } from "./subjects.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.kill())

describe("makeReader", () => {
  it.live("reads again what an answer carried that was lost, without waiting for the claim time", () =>
    Effect.gen(function* () {
      const order = anOrder()
      const url = yield* losing({ answerWith: order.orderId }, server.url)
      const queue = yield* redisOrderQueue(url, {
        stream: `test:${crypto.randomUUID()}`,
        group: "testers",
        consumer: "a",
        claimAfter: Duration.hours(1),
        forgetAfter: Duration.hours(1),
        deadLettersFor: Duration.days(30),
      })
      yield* queue.publish([order])
      assert.instanceOf(yield* Effect.flip(queue.take(1)), QueueUnavailable)
      const [delivery] = yield* queue.take(1)
      assert.deepStrictEqual(delivery?.message, order)
      assert.isTrue(delivery?.redelivered)
    }))
})
