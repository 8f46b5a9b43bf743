/**
 * A process that takes entries and never settles them, for tests that kill it. It takes as many as
 * its argument says from the queue that the environment names, prints their orders in one line, and
 * stays.
 */
import { Effect } from "effect"
import { orderQueueLayer } from "#shared/queue/layer.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"

const wanted = Number(process.argv[2])

await Effect.runPromise(
  Effect.gen(function* () {
    const queue = yield* OrderQueue
    const orders: Array<string> = []
    while (orders.length < wanted) {
      const deliveries = yield* queue.take(wanted - orders.length)
      orders.push(...deliveries.map(({ message }) => message.orderId))
    }
    console.log(JSON.stringify(orders))
    return yield* Effect.never
  }).pipe(Effect.provide(orderQueueLayer)),
)
