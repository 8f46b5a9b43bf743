/**
 * Entries of any kind in a real stream, with orders among them: the orders are taken, the others
 * become dead letters, each with its cause, and nothing stays pending.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, References } from "effect"
import fc from "fast-check"
import { Redis } from "ioredis"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { encodeEntry } from "#shared/queue/entry.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { junk, spoilt } from "#tests/security/json-schema.ts"
import { atLength } from "#tests/support/length.ts"
import { anyRedis, type RedisServer } from "#tests/support/redis.ts"
import { anOrder, until } from "./subjects.ts"

const count = atLength(1_000, 10_000)

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

type Fields = ReadonlyArray<string | Buffer>

/** A valid message with one change that makes it invalid, whatever else it has. */
const wrongMessage = (order: OrderMessage) =>
  fc.oneof(
    fc.constantFrom(...Object.keys(order)).filter((name) => name !== "traceparent").map((name) => {
      const { [name as keyof OrderMessage]: _left, ...rest } = order
      return rest
    }),
    fc.tuple(
      fc.constantFrom("orderId", "username", "amountMinor", "details", "steps", "createdAtMs"),
      fc.constantFrom<unknown>(null, -1, 0.5, {}, [], "", "\0", "\ud800", 1e300, ["no-such-step"]),
    ).map(([name, value]) => ({ ...order, [name]: value })),
  ).map((message) => JSON.stringify(message))

const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((all) => Buffer.from(all))

/** The fields of an entry that is not an order, and of one that may be one. */
const noise: fc.Arbitrary<Fields> = fc.constant(undefined).chain(() => {
  const order = anOrder()
  const text = JSON.stringify(order)
  const message = (texts: fc.Arbitrary<string | Buffer>) =>
    texts.map((content): Fields => ["message", content])
  return fc.oneof(
    { weight: 4, arbitrary: message(wrongMessage(order)) },
    {
      weight: 1,
      arbitrary: message(fc.nat({ max: text.length - 1 }).map((at) => text.slice(0, at))),
    },
    { weight: 1, arbitrary: message(junk.map((value) => JSON.stringify(value))) },
    { weight: 1, arbitrary: message(fc.string()) },
    { weight: 1, arbitrary: message(bytes) },
    { weight: 1, arbitrary: message(fc.constantFrom("[".repeat(50_000), "x".repeat(100_000))) },
    { weight: 1, arbitrary: fc.tuple(bytes, bytes).map(([name, value]): Fields => [name, value]) },
    { weight: 1, arbitrary: fc.constant<Fields>(["Message", text, "messages", text, "", text]) },
    // The decoder decides whether it is still an order: it must be taken or buried.
    { weight: 2, arbitrary: message(spoilt(order).map((value) => JSON.stringify(value) ?? "")) },
  )
})

const added = async (stream: string, entries: ReadonlyArray<Fields>) => {
  for (let at = 0; at < entries.length; at += 500) {
    const pipeline = redis.pipeline()
    for (const fields of entries.slice(at, at + 500)) pipeline.xadd(stream, "*", ...fields)
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error
  }
}

describe("a stream of entries of any kind", () => {
  it.live("serves the orders among them, and gives a cause for each of the others", () =>
    Effect.gen(function* () {
      const stream = `test:${crypto.randomUUID()}`
      const [dead, index] = [`${stream}:dead`, `${stream}:dead:index`]
      yield* Effect.addFinalizer(() => Effect.promise(() => redis.del(stream, dead, index)))
      const seed = Math.trunc(Math.random() * 2 ** 31)
      const others = fc.sample(noise, { numRuns: count, seed })
      const orders = Array.from({ length: Math.ceil(count / 10) }, anOrder)
      const entries = others.flatMap((fields, n): ReadonlyArray<Fields> =>
        n % 10 === 0 ? [fields, encodeEntry(orders[n / 10]!)] : [fields]
      )
      yield* Effect.promise(() => added(stream, entries))
      const queue = yield* redisOrderQueue(new URL(server.url), {
        stream,
        group: "testers",
        consumer: "a",
        claimAfter: Duration.hours(1),
        forgetAfter: Duration.hours(1),
        deadLettersFor: Duration.days(30),
      })
      const taken = new Set<string>()
      let extra = 0
      const awaited = new Set(orders.map(({ orderId }) => orderId))
      const last = anOrder()
      yield* queue.publish([last])
      while (!taken.has(last.orderId)) {
        const deliveries = yield* queue.take(500)
        for (const { message } of deliveries) {
          taken.add(message.orderId)
          if (!awaited.has(message.orderId)) extra++
        }
        yield* queue.acknowledge(deliveries.map(({ entryId }) => entryId))
      }
      const told = `seed ${seed}`
      assert.deepStrictEqual(orders.filter(({ orderId }) => !taken.has(orderId)), [], told)
      yield* until(Effect.promise(() => redis.xlen(stream)), (length) => length === 0)
      const [pending] = yield* Effect.promise(() => redis.xpending(stream, "testers"))
      assert.strictEqual(pending, 0, told)
      const letters = yield* Effect.promise(() => redis.xrange(dead, "-", "+"))
      // An order has one letter, however many of its entries are wrong; each entry here belongs to
      // an order of its own.
      assert.strictEqual(letters.length + extra - 1, count, told)
      for (const [, [field, cause = "", entry, id]] of letters) {
        assert.deepStrictEqual([field, entry], ["cause", "entry"], told)
        assert.match(cause, /^(there is no field|the message is not|this orchestrator)/, told)
        assert.match(id ?? "", /^\d+-\d+$/, told)
      }
    }).pipe(Effect.provideService(References.MinimumLogLevel, "Error")))
})
