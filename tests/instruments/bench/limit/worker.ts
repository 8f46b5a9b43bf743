/**
 * From the stream to the decision: each lane reads a batch, runs its orders to their ends, and
 * reads the next batch.
 */
import { environment, ready, whole } from "./environment.ts"
import { clientOf } from "./http-client.ts"
import { runBatch } from "./order-batch.ts"
import { openRedis, type Redis } from "./redis.ts"
import type { Command } from "./resp.ts"
import type { OrderMessage } from "./wire.ts"

const { REDIS_URL, STREAM, GROUP, PARTICIPANTS_URL, ORDERS_URL } = environment(
  "REDIS_URL",
  "STREAM",
  "GROUP",
  "PARTICIPANTS_URL",
  "ORDERS_URL",
)
const batch = whole("BATCH", 1000)
const lanes = whole("LANES", 4)

const services = {
  participants: clientOf(PARTICIPANTS_URL, lanes),
  orders: clientOf(ORDERS_URL, lanes),
  timeline: process.env.TIMELINE !== "0",
}

type Entry = readonly [id: string, fields: readonly [name: string, message: string]]

const runLane = async (redis: Redis, consumer: string): Promise<never> => {
  const read = ["xreadgroup", "group", GROUP, consumer, "count", batch, "block", 0, "streams"]
  let done: ReadonlyArray<Command> = []
  while (true) {
    const replies = await redis(...done, [...read, STREAM, ">"])
    const [[, entries]] = replies.at(-1) as [
      readonly [stream: string, entries: ReadonlyArray<Entry>],
    ]
    await runBatch(
      services,
      entries.map(([, [, message]]) => JSON.parse(message) as OrderMessage),
    )
    const ids = entries.map(([id]) => id)
    done = [["xdel", STREAM, ...ids], ["xack", STREAM, GROUP, ...ids]]
  }
}

await openRedis(REDIS_URL)(["xgroup", "create", STREAM, GROUP, "0", "mkstream"])
  .catch((error: Error) => {
    if (!error.message.startsWith("BUSYGROUP")) throw error
  })
ready()
for (let lane = 1; lane <= lanes; lane++) void runLane(openRedis(REDIS_URL), `lane-${lane}`)
