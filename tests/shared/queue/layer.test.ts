import { hostname } from "node:os"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Redis } from "ioredis"
import { Environment, SettingsError } from "#shared/config/settings.ts"
import { orderQueueLayer } from "#shared/queue/layer.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { anOrder } from "./subjects.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.kill())

const layerIn = (environment: Record<string, string>) =>
  Layer.provide(orderQueueLayer, Layer.succeed(Environment, environment))

const problemsIn = (environment: Record<string, string>) =>
  Effect.flip(Layer.build(layerIn(environment)))

describe("orderQueueLayer", () => {
  it.effect("names every setting that is missing or wrong", () =>
    Effect.gen(function* () {
      const { message } = yield* problemsIn({ QUEUE_URL: "ftp://queue", CLAIM_AFTER: "0 seconds" })
      assert.match(message, /^2 settings are missing or invalid/)
      assert.match(
        message,
        /QUEUE_URL is wrong: set it to .* redis: or rediss: or https: or http: or memory:/,
      )
      assert.match(message, /CLAIM_AFTER is wrong/)
      assert.match((yield* problemsIn({})).message, /QUEUE_URL is missing/)
    }))

  it.effect("requires a token for a REST API, and only for that", () =>
    Effect.gen(function* () {
      const error = yield* problemsIn({ QUEUE_URL: "https://queue.example" })
      assert.instanceOf(error, SettingsError)
      assert.match(error.message, /QUEUE_TOKEN is missing: set it to the token/)
      yield* Layer.build(layerIn({ QUEUE_URL: "https://queue.example", QUEUE_TOKEN: "t" }))
      yield* Layer.build(layerIn({ QUEUE_URL: "redis://queue.example" }))
    }))

  it.effect("gives all users of the layer the same queue in memory", () =>
    Effect.gen(function* () {
      const order = anOrder()
      const publisher = Layer.effectDiscard(
        Effect.flatMap(OrderQueue, (queue) => queue.publish([order])),
      ).pipe(Layer.provide(orderQueueLayer))
      const consumer = Effect.flatMap(OrderQueue, (queue) => queue.take(1))
      const taken = yield* Effect.provide(
        consumer,
        Layer.merge(publisher, orderQueueLayer).pipe(
          Layer.provide(Layer.succeed(Environment, { QUEUE_URL: "memory:" })),
        ),
      )
      assert.deepStrictEqual(taken.map(({ message }) => message), [order])
    }))

  it.live("names the consumer after its host and port unless it has a name", () =>
    Effect.gen(function* () {
      const QUEUE_STREAM = `test:${crypto.randomUUID()}`
      const redis = new Redis(server.url, { protocol: 2 })
      const take = (environment: Record<string, string>) =>
        Effect.gen(function* () {
          const queue = yield* OrderQueue
          yield* queue.publish([anOrder()])
          yield* queue.take(1)
        }).pipe(Effect.provide(layerIn({ QUEUE_URL: server.url, QUEUE_STREAM, ...environment })))
      yield* take({ INTERNAL_PORT: "8123" })
      yield* take({ INTERNAL_PORT: "8123", CONSUMER_NAME: "me" })
      const consumers = yield* Effect.promise(() =>
        redis.xinfo("CONSUMERS", QUEUE_STREAM, "orchestrators")
      ) as Effect.Effect<Array<Array<unknown>>>
      redis.disconnect()
      assert.sameMembers(consumers.map((pairs) => pairs[1]), [`${hostname()}-8123`, "me"])
    }))
})
