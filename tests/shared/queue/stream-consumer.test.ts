/** What a consumer sends to Redis while it waits, seen on the wire. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, References } from "effect"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { anyRedis, type RedisServer } from "#tests/support/redis.ts"
import { failingRedis } from "./failing-line.ts"
import { someOrders, until } from "./subjects.ts"

let server: Pick<RedisServer, "url" | "kill">
beforeAll(async () => {
  server = await anyRedis()
})
afterAll(() => server.kill())

describe("makeConsumer", () => {
  it.live("renews its hold on entries in hand, and not on those that are settled or buried", () =>
    Effect.gen(function* () {
      const { url, commands } = yield* failingRedis(server.url, () => undefined)
      const queue = yield* redisOrderQueue(url, {
        stream: `test:${crypto.randomUUID()}`,
        group: "testers",
        consumer: "a",
        claimAfter: Duration.millis(300),
        forgetAfter: Duration.hours(1),
        deadLettersFor: Duration.days(30),
      })
      /** Waits for this many more commands of the name. */
      const another = (name: string, count: number) => {
        const from = commands.length
        return until(
          Effect.sync(() => commands.slice(from).filter((each) => each === name).length),
          (seen) => seen >= count,
        )
      }
      yield* queue.publish(someOrders(2))
      const [settled, buried] = yield* queue.take(2)
      yield* another("xclaim", 2)
      yield* queue.acknowledge([settled!.entryId])
      yield* another("xclaim", 2)
      yield* queue.deadLetter([{ delivery: buried!, cause: "a defect" }])
      yield* Effect.forkChild(queue.take(1))
      const from = commands.length
      // It looks for dead consumers' entries once in a beat, as often as it renews its hold.
      yield* another("xautoclaim", 4)
      assert.notInclude(commands.slice(from + 1), "xclaim")
    }).pipe(Effect.provideService(References.MinimumLogLevel, "Error")))
})
