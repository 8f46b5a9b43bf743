/**
 * The bench's access to the order queue: publishes orders as the orders service does, and reads
 * what is left.
 */
import { Effect, type Scope } from "effect"
import { Redis } from "ioredis"
import { setTimeout as wait } from "node:timers/promises"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import type { WantedOrder } from "./workload.ts"

const chunk = 500
const emptyWithinMs = 120_000

export interface BenchQueue {
  /** Sends the orders, 500 at a time. */
  readonly publish: (orders: ReadonlyArray<WantedOrder>) => Promise<void>
  /** Resolves when every entry is acknowledged, including repeated ones. */
  readonly untilEmpty: () => Promise<void>
  readonly deadLetters: () => Promise<number>
}

/** The entry of an order, as shared/queue/entry.ts writes it. */
const entryOf = ({ id, item, slot, ...rest }: WantedOrder): string =>
  JSON.stringify({
    ...rest,
    orderId: id,
    details: { item, slot },
    steps: stepsInForce,
    republished: 0,
  })

/** Connects until the scope closes. */
export const openQueue = (
  url: string,
  stream: string,
): Effect.Effect<BenchQueue, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Redis(url)),
      (redis) => Effect.sync(() => redis.disconnect()),
    ),
    (redis) => ({
      publish: async (orders) => {
        for (let from = 0; from < orders.length; from += chunk) {
          const pipeline = redis.pipeline()
          for (const order of orders.slice(from, from + chunk)) {
            pipeline.xadd(stream, "*", "message", entryOf(order))
          }
          const answers = await pipeline.exec()
          const failed = answers?.find(([error]) => error !== null)
          if (failed) throw failed[0]
        }
      },
      untilEmpty: async () => {
        const giveUpAtMs = Date.now() + emptyWithinMs
        while (await redis.xlen(stream) > 0) {
          if (Date.now() > giveUpAtMs) throw new Error(`The stream ${stream} does not become empty`)
          await wait(10)
        }
      },
      deadLetters: () => redis.xlen(`${stream}:dead`),
    }),
  )
