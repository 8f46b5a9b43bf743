/**
 * The order queue over a Redis that fails: it is flushed, killed, restarted, blocked, and filled
 * with noise. The server is the test's own. No consumer is ever restarted here: each recovers by
 * itself.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, References, Schedule } from "effect"
import * as fc from "fast-check"
import { Redis } from "ioredis"
import { type OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { underLoad } from "#tests/support/patience.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { anOrder, someOrders, until } from "./subjects.ts"

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url, { protocol: 2, retryStrategy: () => 50 })
  redis.on("error", () => {})
})
afterAll(async () => {
  redis.disconnect()
  await server.kill()
})

type Queue = OrderQueue["Service"]
const group = "testers"
const aStream = () => `test:${crypto.randomUUID()}`
const open = (
  stream: string,
  consumer: string,
  more: { readonly forgetAfter?: Duration.Duration } = {},
  url = new URL(server.url),
) =>
  redisOrderQueue(url, {
    stream,
    group,
    consumer,
    claimAfter: Duration.millis(600),
    forgetAfter: Duration.hours(1),
    deadLettersFor: Duration.days(30),
    ...more,
  })

const patiently = Effect.retry(Schedule.spaced("20 millis"))
const ordersOf = (items: ReadonlyArray<{ readonly message: { readonly orderId: string } }>) =>
  items.map(({ message }) => message.orderId)
const acknowledgeAll = (queue: Queue, taken: ReadonlyArray<{ readonly entryId: string }>) =>
  queue.acknowledge(taken.map(({ entryId }) => entryId))
const backlog = (stream: string) =>
  Effect.promise(async () => [await redis.xlen(stream), (await redis.xpending(stream, group))[0]])
const consumersOf = (stream: string) =>
  Effect.promise(async () => {
    const found = await redis.xinfo("CONSUMERS", stream, group) as Array<Array<unknown>>
    return found.map((pairs) => pairs[1])
  })
const quietly = Effect.provideService(References.MinimumLogLevel, "Error")

describe("redisOrderQueue", () => {
  it.live("recreates a stream that is lost while a consumer waits", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const queue = yield* open(stream, "a")
      yield* queue.publish(someOrders(3))
      const held = yield* queue.take(3)
      const waiting = yield* Effect.forkChild(queue.take(3), { startImmediately: true })
      yield* Effect.promise(() => redis.flushall())
      const order = anOrder()
      yield* queue.publish([order])
      const taken = yield* Fiber.join(waiting)
      assert.deepStrictEqual(ordersOf(taken), [order.orderId])
      yield* acknowledgeAll(queue, [...held, ...taken])
      assert.deepStrictEqual(yield* backlog(stream), [0, 0])
    }))

  it.live("recreates a group that is lost, and hands out nothing that is in hand", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const queue = yield* open(stream, "a")
      yield* queue.publish(someOrders(3))
      const held = yield* queue.take(3)
      const waiting = yield* Effect.forkChild(queue.take(3), { startImmediately: true })
      yield* Effect.promise(() => redis.xgroup("DESTROY", stream, group))
      const order = anOrder()
      yield* queue.publish([order])
      const taken = yield* Fiber.join(waiting)
      assert.deepStrictEqual(ordersOf(taken), [order.orderId])
      yield* acknowledgeAll(queue, [...held, ...taken])
      assert.deepStrictEqual(yield* backlog(stream), [0, 0])
    }))

  it.live(
    "fails soon while Redis is down, and recovers by itself when it is back",
    () =>
      Effect.gen(function* () {
        const stream = aStream()
        const queue = yield* open(stream, "a")
        yield* queue.publish([anOrder()])
        yield* queue.take(1)
        const waiting = yield* Effect.forkChild(Effect.flip(queue.take(1)), {
          startImmediately: true,
        })
        yield* Effect.promise(server.kill)
        assert.instanceOf(yield* Fiber.join(waiting), QueueUnavailable)
        for (const command of [queue.publish([anOrder()]), queue.ping, queue.take(1)]) {
          const startMs = yield* Clock.currentTimeMillis
          const error = yield* Effect.flip(command)
          assert.isBelow((yield* Clock.currentTimeMillis) - startMs, underLoad(3_000))
          assert.instanceOf(error, QueueUnavailable)
          assert.match(
            error.message,
            /^The order queue at redis:\/\/127\.0\.0\.1:\d+ cannot be reached \(.*ECONNREFUSED.*\): check/,
          )
          assert.notMatch(error.message, /\n/)
        }
        yield* Effect.promise(server.start)
        const order = anOrder()
        yield* patiently(queue.publish([order]))
        const taken = yield* patiently(queue.take(1))
        assert.deepStrictEqual(ordersOf(taken), [order.orderId])
      }),
  )

  it.live(
    "fails soon while Redis does not answer, and recovers when it does",
    () =>
      Effect.gen(function* () {
        const queue = yield* open(aStream(), "a")
        yield* queue.ping
        yield* Effect.promise(() => redis.call("client", "pause", "3500", "all"))
        const startMs = yield* Clock.currentTimeMillis
        const error = yield* Effect.flip(queue.publish([anOrder()]))
        assert.isBelow((yield* Clock.currentTimeMillis) - startMs, underLoad(3_000))
        assert.match(error.message, /cannot be reached/)
        const order = anOrder()
        yield* patiently(queue.publish([order]))
        // The publication without an answer may have happened.
        while (!ordersOf(yield* patiently(queue.take(10))).includes(order.orderId));
      }),
  )

  it.live("removes entries that were deleted while they were pending", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const queue = yield* open(stream, "restarted")
      const orders = someOrders(2)
      yield* queue.publish(orders)
      yield* Effect.promise(async () => {
        await redis.xgroup("CREATE", stream, group, "0")
        await redis.xreadgroup("GROUP", group, "restarted", "STREAMS", stream, ">")
        const [first] = await redis.xrange(stream, "-", "+", "COUNT", 1)
        await redis.xdel(stream, first![0])
      })
      const taken = yield* queue.take(2)
      assert.deepStrictEqual(taken.map(({ message }) => message), orders.slice(1))
      yield* acknowledgeAll(queue, taken)
      assert.deepStrictEqual(yield* backlog(stream), [0, 0])
    }))

  it.live("says that the password is wrong, without the password", () =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.promise(() => redis.config("SET", "requirepass", "right")),
        () => Effect.promise(() => redis.config("SET", "requirepass", "")),
      )
      const url = new URL(server.url)
      url.password = "not%20right"
      for (const queue of [yield* open(aStream(), "a"), yield* open(aStream(), "a", {}, url)]) {
        for (const command of [queue.ping, queue.take(1)]) {
          const { message } = yield* Effect.flip(command)
          assert.match(
            message,
            /^The order queue refused a command \((NOAUTH|WRONGPASS) .*\): check/,
          )
          assert.notMatch(message, /\n|not.*right/)
        }
      }
    }))

  it.live("renews its hold on thousands of entries", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const holder = yield* open(stream, "holder")
      const other = yield* open(stream, "other")
      yield* holder.publish(someOrders(3000))
      const held = yield* holder.take(3000)
      assert.strictEqual(held.length, 3000)
      // The other consumer may get an entry that nobody renews, and that is younger than the held
      // ones.
      yield* holder.publish([anOrder()])
      yield* Effect.promise(() =>
        redis.xreadgroup("GROUP", group, "ghost", "COUNT", 1, "STREAMS", stream, ">")
      )
      assert.strictEqual((yield* other.take(3000)).length, 1)
      yield* acknowledgeAll(holder, held)
      assert.deepStrictEqual(yield* backlog(stream), [1, 1])
    }))

  it.live("registers no consumer for a process that only publishes", () =>
    Effect.gen(function* () {
      const stream = aStream()
      yield* Effect.scoped(Effect.flatMap(open(stream, "a"), (queue) => queue.publish([anOrder()])))
      assert.deepStrictEqual(yield* Effect.promise(() => redis.xinfo("GROUPS", stream)), [])
    }))

  it.live("removes its name from the group when it closes, unless it has pending entries", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const consume = (consumer: string, count: number) =>
        Effect.scoped(Effect.gen(function* () {
          const queue = yield* open(stream, consumer)
          const taken = yield* queue.take(10)
          yield* acknowledgeAll(queue, taken.slice(0, count))
        }))
      yield* (yield* open(stream, "publisher")).publish(someOrders(2))
      yield* consume("holding", 1)
      assert.deepStrictEqual(yield* consumersOf(stream), ["holding"])
      yield* consume("done", 1)
      assert.deepStrictEqual(yield* consumersOf(stream), ["holding"])
      assert.deepStrictEqual(yield* backlog(stream), [0, 0])
    }))

  it.live("removes the names of consumers that are long silent, and no others", () =>
    Effect.gen(function* () {
      const stream = aStream()
      const queue = yield* open(stream, "alive", { forgetAfter: Duration.millis(50) })
      yield* queue.publish(someOrders(2))
      yield* queue.take(1)
      yield* Effect.promise(() => redis.xgroup("CREATECONSUMER", stream, group, "silent"))
      yield* Effect.promise(() =>
        redis.xreadgroup("GROUP", group, "holding", "COUNT", 1, "STREAMS", stream, ">")
      )
      yield* Effect.forkChild(queue.take(1))
      const left = yield* until(consumersOf(stream), (names) => !names.includes("silent"))
      assert.sameMembers(left, ["alive", "holding"])
    }))

  it.live(
    "for any fields in the stream, hands out the orders among them",
    () =>
      Effect.gen(function* () {
        const stream = aStream()
        const queue = yield* open(stream, "a")
        const run = yield* Effect.map(Effect.context<never>(), Effect.runPromiseWith)
        const text = fc.oneof(
          fc.string({ unit: "binary", maxLength: 40 }),
          fc.json({ maxDepth: 2 }),
          fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        )
        const field = fc.tuple(
          fc.oneof(fc.constantFrom("message", "MESSAGE", "cause", ""), text),
          text,
        )
        const noise = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 5 })
        let poison = 0
        const holds = async (before: Array<Array<[string | Buffer, string | Buffer]>>) => {
          for (const fields of before) await redis.xadd(stream, "*", ...fields.flat())
          poison += before.length
          const order = anOrder()
          await run(queue.publish([order]))
          const taken = await run(quietly(queue.take(10)))
          assert.deepStrictEqual(taken.map(({ message }) => message), [order])
          await run(acknowledgeAll(queue, taken))
          assert.deepStrictEqual(await run(backlog(stream)), [0, 0])
          assert.strictEqual(await redis.xlen(`${stream}:dead`), poison)
        }
        yield* Effect.promise(() => fc.assert(fc.asyncProperty(noise, holds), { numRuns: 200 }))
      }),
  )
})
