/** How the reader handles answers that never arrive, and pages that have nothing for it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Redis } from "ioredis"
import { encodeEntry } from "#shared/queue/entry.ts"
import { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { makeReader } from "#shared/queue/stream-reader.ts"
import { CommandRefused, type StreamTransport } from "#shared/queue/stream-transport.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { losing } from "./lossy-proxy.ts"
import { anOrder, someOrders } from "./subjects.ts"

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url, { protocol: 2 })
})
afterAll(async () => {
  redis.disconnect()
  await server.kill()
})

const group = "testers"
const options = {
  ...{ group, consumer: "a" },
  claimAfter: Duration.hours(1),
  forgetAfter: Duration.hours(1),
  deadLettersFor: Duration.days(30),
}
const open = (url: URL | string, stream: string, consumer = "a") =>
  redisOrderQueue(new URL(url), { ...options, stream, consumer })
const aStream = () => `test:${crypto.randomUUID()}`
const ordersOf = (items: ReadonlyArray<{ readonly message: { readonly orderId: string } }>) =>
  items.map(({ message }) => message.orderId)

/** Delivers all new entries to a consumer that has been silent for an hour. */
const giveToTheDead = (stream: string) =>
  Effect.promise(async () => {
    const reply = await redis.xreadgroup("GROUP", group, "dead", "STREAMS", stream, ">")
    const [[, entries]] = reply as [[string, Array<[string, Array<string>]>]]
    const ids = entries.map(([id]) => id)
    await redis.xclaim(stream, group, "dead", 0, ...ids, "IDLE", 3_600_000)
  })

describe("makeReader", () => {
  it.effect("goes on claiming every beat when the wall clock is set back an hour", () =>
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
      const read = makeReader(
        transport,
        { ...options, stream, claimAfter: Duration.minutes(1) },
        new Set(),
      )
      // The first one creates the group.
      for (let n = 0; n < 3; n++) yield* read(1)
      assert.strictEqual(claims, 1)
      yield* TestClock.setTime(1_800_000_000_000 - 3_600_000)
      yield* TestClock.adjust("1 minute")
      yield* read(1)
      assert.strictEqual(claims, 2)
    }))

  it.live("reads entries again whose answer was lost, without waiting for the claim time", () =>
    Effect.gen(function* () {
      const order = anOrder()
      const queue = yield* open(
        yield* losing({ answerWith: order.orderId }, server.url),
        aStream(),
      )
      const before = someOrders(5)
      yield* queue.publish(before)
      assert.deepStrictEqual(ordersOf(yield* queue.take(5)), before.map((each) => each.orderId))
      yield* queue.publish([order])
      assert.instanceOf(yield* Effect.flip(queue.take(1)), QueueUnavailable)
      const [delivery] = yield* queue.take(1)
      assert.deepStrictEqual(delivery?.message, order)
      assert.isTrue(delivery?.redelivered)
    }))

  it.live("reads them again also from a recreated group that begins with old entries", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const [old, ...later] = someOrders(4)
      const queue = yield* open(yield* losing({ answerWith: old!.orderId }, server.url), stream)
      yield* Effect.promise(() => redis.xadd(stream, "1-1", ...encodeEntry(old!)))
      yield* Effect.promise(() => redis.xgroup("CREATE", stream, group, "1-1"))
      yield* queue.publish(later)
      assert.deepStrictEqual(ordersOf(yield* queue.take(3)), later.map((each) => each.orderId))
      yield* Effect.promise(() => redis.xgroup("DESTROY", stream, group))
      assert.instanceOf(yield* Effect.flip(queue.take(3)), QueueUnavailable)
      assert.deepStrictEqual(ordersOf(yield* queue.take(3)), [old!.orderId])
    }))

  it.live("reads them again also when they were claimed from a dead consumer", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const order = anOrder()
      yield* (yield* open(server.url, stream, "publisher")).publish([order])
      yield* Effect.promise(() => redis.xgroup("CREATE", stream, group, "0"))
      yield* giveToTheDead(stream)
      const queue = yield* open(yield* losing({ answerTo: "xautoclaim" }, server.url), stream)
      const taken = yield* Effect.retry(queue.take(1), { times: 2 })
      assert.deepStrictEqual(ordersOf(taken), [order.orderId])
    }))

  it.live("claims all entries of a dead consumer, also many pages behind those of a live one", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const holder = yield* open(server.url, stream, "holder")
      yield* holder.publish(someOrders(300))
      assert.strictEqual((yield* holder.take(300)).length, 300)
      const lost = someOrders(25)
      yield* holder.publish(lost)
      yield* giveToTheDead(stream)
      const fresh = anOrder()
      yield* holder.publish([fresh])
      const queue = yield* open(server.url, stream)
      const taken = []
      while (taken.length < 26) taken.push(...yield* queue.take(2))
      assert.deepStrictEqual(ordersOf(taken), [...lost, fresh].map(({ orderId }) => orderId))
      assert.deepStrictEqual(taken.map(({ redelivered }) => redelivered), [
        ...lost.map(() => true),
        false,
      ])
    }))
})
