/**
 * What the reader makes of answers that never arrive. A proxy stands between it and a real Redis, and cuts the connection
 * when an answer comes by that carries a given text: Redis has handed the entry out by then, and nobody has got it.
 */
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { type RedisServer, startRedis } from "#tests/support/redis.ts"
import { anOrder } from "./subjects.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
}, 300_000)
afterAll(() => server.kill())

/** A way to the server on which the first answer with that text is lost, and its connection with it. */
const losingAnswerWith = (text: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let lost = false
      const target = new URL(server.url)
      const proxy = createServer((client) => {
        const upstream = connect(Number(target.port || 6379), target.hostname)
        client.pipe(upstream)
        upstream.on("data", (answer) => {
          if (lost || !answer.includes(text)) return client.write(answer)
          lost = true
          client.destroy()
        })
        for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
          one.on("error", () => other.destroy())
          one.on("close", () => other.destroy())
        }
      }).listen(0, "127.0.0.1")
      await once(proxy, "listening")
      const address = proxy.address()
      const url = new URL(server.url)
      url.host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`
      return { proxy, url }
    }),
    ({ proxy }) => Effect.sync(() => proxy.close()),
  )

describe("makeReader", () => {
  it.live("reads again what an answer carried that was lost, without waiting for the claim time", () =>
    Effect.gen(function* () {
      const order = anOrder()
      const { url } = yield* losingAnswerWith(order.orderId)
      const queue = yield* redisOrderQueue(url, {
        stream: `test:${crypto.randomUUID()}`,
        group: "testers",
        consumer: "a",
        claimAfter: Duration.minutes(1),
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
