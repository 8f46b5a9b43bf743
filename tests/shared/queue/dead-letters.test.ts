/**
 * Dead letters in a real Redis: none is lost, none is there twice, and neither they nor their index
 * grow for ever.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, References } from "effect"
import { Redis } from "ioredis"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { anyRedis, type RedisServer } from "#tests/support/redis.ts"
import { losing } from "./lossy-proxy.ts"
import { anOrder, until } from "./subjects.ts"

let server: Pick<RedisServer, "url" | "kill">
let redis: Redis
beforeAll(async () => {
  server = await anyRedis()
  redis = new Redis(server.url, { protocol: 2 })
})
afterAll(async () => {
  redis.disconnect()
  await server.kill()
})

type Queue = OrderQueue["Service"]
const quietly = Effect.provideService(References.MinimumLogLevel, "Error")

/** A stream of its own, and what can be seen of it. */
const subject = Effect.gen(function* () {
  const stream = `test:${crypto.randomUUID()}`
  const [dead, index] = [`${stream}:dead`, `${stream}:dead:index`]
  yield* Effect.addFinalizer(() => Effect.promise(() => redis.del(stream, dead, index)))
  return {
    stream,
    dead,
    index,
    open: (url = new URL(server.url)) =>
      redisOrderQueue(url, {
        stream,
        group: "testers",
        consumer: "a",
        claimAfter: Duration.millis(600),
        forgetAfter: Duration.hours(1),
        deadLettersFor: Duration.days(30),
      }),
    add: (...fields: ReadonlyArray<string>) =>
      Effect.promise(() => redis.xadd(stream, "*", ...fields)),
    letters: Effect.promise(async () => (await redis.xrange(dead, "-", "+")).map(([, all]) => all)),
    backlog: Effect.promise(async () => [
      await redis.xlen(stream),
      (await redis.xpending(stream, "testers"))[0],
    ]),
  }
})

/** Publishes an order that must get past everything before it, and takes it. */
const takeOne = Effect.fnUntraced(function* (queue: Queue) {
  const order = anOrder()
  yield* queue.publish([order])
  const [delivery] = yield* quietly(queue.take(1))
  assert.deepStrictEqual(delivery?.message, order)
  yield* queue.acknowledge([delivery!.entryId])
})

const fail = Effect.fnUntraced(function* (queue: Queue, order: OrderMessage) {
  yield* queue.publish([order])
  const [delivery] = yield* queue.take(1)
  yield* quietly(queue.deadLetter([{ delivery: delivery!, cause: "a defect" }]))
  return delivery!.entryId
})

describe("dead letters in Redis", () => {
  it.live("are written once, and their entries removed, even if the answer was lost", () =>
    Effect.gen(function* () {
      const { open, add, letters, backlog } = yield* subject
      const queue = yield* open(yield* losing({ answerTo: "there is no field" }, server.url))
      const entry = yield* add("hello", "world")
      yield* takeOne(queue)
      const cause = 'there is no field "message"'
      assert.deepStrictEqual(yield* letters, [
        ["cause", cause, "entry", entry!, "order", "", "hello", "world"],
      ])
      assert.deepStrictEqual(yield* backlog, [0, 0])
    }))

  it.live("block nothing while they cannot be written, and are written when they can", () =>
    Effect.gen(function* () {
      const { open, add, dead, letters, backlog } = yield* subject
      const queue = yield* open()
      yield* takeOne(queue)
      yield* Effect.promise(() => redis.set(dead, "not a stream"))
      const entries = [yield* add("hello", "world"), yield* add("message", "{")]
      yield* takeOne(queue)
      assert.deepStrictEqual(yield* backlog, [2, 2])
      yield* Effect.promise(() => redis.del(dead))
      yield* Effect.forkChild(quietly(queue.take(1)))
      const written = yield* until(letters, ({ length }) => length === 2)
      assert.deepStrictEqual(written.map((fields) => fields[3] ?? null), entries)
      assert.deepStrictEqual(yield* backlog, [0, 0])
    }))

  it.live("keep the first fields of an entry that has too many", () =>
    Effect.gen(function* () {
      const { open, add, letters, backlog } = yield* subject
      const queue = yield* open()
      const fields = Array.from({ length: 20_000 }, (_, n) => `field ${n}`)
      yield* add(...fields)
      yield* takeOne(queue)
      const [letter] = yield* letters
      assert.deepStrictEqual(letter?.slice(6), fields.slice(0, 1_000))
      assert.deepStrictEqual(yield* backlog, [0, 0])
    }))

  it.live("are ten thousand at most, the newest; the index has these and no others", () =>
    Effect.gen(function* () {
      const { open, dead, index, letters } = yield* subject
      const queue = yield* open()
      const [oldest, second, newest] = [anOrder(), anOrder(), anOrder()]
      yield* fail(queue, oldest)
      const secondEntry = yield* fail(queue, second)
      const pipeline = redis.pipeline()
      for (let n = 2; n < 10_000; n++) pipeline.xadd(dead, "*", "cause", "another one")
      yield* Effect.promise(() => pipeline.exec())
      const newestEntry = yield* fail(queue, newest)
      assert.strictEqual(yield* Effect.promise(() => redis.xlen(dead)), 10_000)
      assert.strictEqual((yield* letters)[0]?.[3], secondEntry)
      assert.strictEqual((yield* letters).at(-1)?.[3], newestEntry)
      assert.sameMembers(yield* Effect.promise(() => redis.hkeys(index)), [
        second.orderId,
        newest.orderId,
      ])
      // The letter is gone, so the order may get a new one.
      const again = yield* fail(queue, oldest)
      assert.strictEqual((yield* letters).at(-1)?.[3], again)
    }))

  it.live("leave the index when they are too old; the last one removes the index", () =>
    Effect.gen(function* () {
      const { open, dead, index } = yield* subject
      const bury = (daysAgo: number, order: string) =>
        Effect.promise(async () => {
          const id = `${Date.now() - daysAgo * Duration.toMillis("1 day")}-7`
          await redis.xadd(dead, id, "cause", "", "entry", "1-1", "order", order, "message", "{}")
          await redis.hset(index, order, id)
          return id
        })
      const [old, young] = [anOrder().orderId, anOrder().orderId]
      yield* bury(31, old)
      const id = yield* bury(29, young)
      const inTheIndex = Effect.promise(() => redis.hgetall(index))
      const trimmed = Effect.scoped(Effect.gen(function* () {
        yield* Effect.forkChild((yield* open()).take(1))
        return yield* until(inTheIndex, (found) => Object.keys(found).length < 2)
      }))
      assert.deepStrictEqual(yield* trimmed, { [young]: id })
      // A person may delete letters without knowing of the index.
      yield* Effect.promise(() => redis.del(dead))
      yield* Effect.forkChild((yield* open()).take(1))
      yield* until(inTheIndex, (found) => Object.keys(found).length === 0)
    }))
})
