/**
 * Servers that refuse everything, each in Redis's words, and the right one that the address leads
 * to next.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { upstashOrderQueue } from "#shared/queue/upstash-streams.ts"
import { isWrongServer } from "#shared/redis/wrong-server.ts"
import { refusing } from "#tests/support/refusing-server.ts"
import { anyRedis, type RedisServer } from "#tests/support/redis.ts"
import { openSwitchboard } from "#tests/support/switchboard.ts"
import { startUpstashFront, type UpstashFront } from "#tests/support/upstash-front.ts"
import { anOrder } from "./subjects.ts"

let redis: Pick<RedisServer, "url" | "kill">
let front: UpstashFront
beforeAll(async () => {
  redis = await anyRedis()
  front = await startUpstashFront(redis.url)
})
afterAll(async () => {
  await front.stop()
  await redis.kill()
})

const refusals = [
  "READONLY You can't write against a read only replica.",
  "LOADING Redis is loading the dataset in memory",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  "CLUSTERDOWN The cluster is down",
  "NOREPLICAS Not enough good replicas to write.",
  "NOAUTH Authentication required.",
  // The wording of version 6 for a failure within a script.
  "ERR Error running script (call to f_5a1): @user_script:1: @user_script: 1: -READONLY You can't write",
]

const options = () => ({
  stream: `test:${crypto.randomUUID()}`,
  group: "testers",
  consumer: "a",
  claimAfter: Duration.minutes(1),
  forgetAfter: Duration.hours(1),
  deadLettersFor: Duration.days(30),
})

const drivers = {
  redis: (url: string) => redisOrderQueue(new URL(url), options()),
  http: (url: string) => upstashOrderQueue(new URL(url), Redacted.make(front.token), options()),
}

describe.concurrent.each(refusals)("a server that says %s", (refusal) => {
  it.live.each(["redis", "http"] as const)(
    "is left for the right one, over %s",
    (scheme) =>
      Effect.gen(function* () {
        const wrong = yield* refusing(scheme, refusal)
        const board = yield* openSwitchboard(wrong.url)
        const queue = yield* drivers[scheme](board.url)
        for (const command of [queue.ping, queue.publish([anOrder()]), queue.take(1)]) {
          assert.include((yield* Effect.flip(command)).message, `refused a command (${refusal})`)
        }
        board.switchTo(scheme === "redis" ? redis.url : front.url)
        const order = anOrder()
        yield* queue.ping
        yield* queue.publish([order])
        const [delivery] = yield* queue.take(1)
        assert.strictEqual(delivery?.message.orderId, order.orderId)
        yield* queue.acknowledge([delivery!.entryId])
      }),
  )
})

describe("isWrongServer", () => {
  it.each([
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOGROUP No such key 'READONLY' or consumer group 'g' in XREADGROUP with GROUP option",
    "ERR unknown command 'x', with args beginning with: 'READONLY'",
    "READONLYISH",
  ])("keeps the connection for %s", (message) => {
    assert.isFalse(isWrongServer({ message }))
  })
})
