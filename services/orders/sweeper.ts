/**
 * The sweeper puts on the queue again whatever is not final and was not published lately: that is how orders survive a
 * queue that lost them. It runs in every replica; rows that one works on are passed over by the others. The wait for an
 * order doubles each time, so that a long backlog is not multiplied.
 */
import { Cause, Clock, Effect, Exit, Layer, Metric } from "effect"
import { failpoint } from "#shared/failpoint.ts"
import { OrderQueue, type QueueUnavailable } from "#shared/queue/order-queue.ts"
import { messageOf } from "./order.ts"
import { OrderStore } from "./order-table.ts"

const batch = 500
const mostMs = 10 * 60_000

const republished = Metric.counter("orders_republished_total", {
  description: "Orders that the sweeper put on the queue again",
  incremental: true,
})

export interface SweeperOptions {
  /** Milliseconds from an order's acceptance, or its last publication, to the first sweep that takes it. */
  readonly republishAfterMs: number
}

type Swept = Effect.fn.Return<Exit.Exit<number, QueueUnavailable>>

/** Publishes again one batch of due orders; gives how many they were. Fails with Transient or QueueUnavailable. */
export const sweep = Effect.fnUntraced(function* ({ republishAfterMs }: SweeperOptions) {
  const store = yield* OrderStore
  const queue = yield* OrderQueue
  const now = new Date(yield* Clock.currentTimeMillis)
  const swept = yield* store.transaction(Effect.fnUntraced(function* (table): Swept {
    const orders = yield* table.lockDue(now, batch)
    if (orders.length === 0) return Exit.succeed(0)
    // Published before it is marked as such: a crash in between doubles a message, and loses none.
    const published = yield* Effect.exit(
      queue.publish(
        orders.map((order) => messageOf({ ...order, republished: order.republished + 1 })),
      ),
    )
    if (Exit.isFailure(published)) return Exit.failCause(published.cause)
    yield* failpoint("orders.swept")
    const ids = orders.map(({ id }) => id)
    yield* table.postpone(ids, now, { firstMs: republishAfterMs, mostMs })
    return Exit.succeed(orders.length)
  }))
  const count = yield* swept
  yield* Metric.update(republished, count)
  return count
})

/** Sweeps every second until the scope closes. */
export const sweeperLayer = (
  options: SweeperOptions,
): Layer.Layer<never, never, OrderStore | OrderQueue> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { volatile } = yield* OrderQueue
      const { query } = yield* OrderStore
      // What a volatile queue held is gone with the process that held it.
      if (volatile) yield* Effect.ignore(query((orders) => orders.makeAllDue))
      yield* sweep(options).pipe(
        Effect.repeat({ while: (count) => count === batch }),
        Effect.catch((error) => Effect.logWarning(`The sweeper will try again: ${error.message}`)),
        Effect.catchDefect((defect) =>
          Effect.logError("The sweeper met a defect", Cause.die(defect))
        ),
        Effect.andThen(Effect.sleep("1 second")),
        Effect.forever,
        Effect.forkScoped,
      )
    }),
  )
