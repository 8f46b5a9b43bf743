/**
 * The sweeper puts on the queue again whatever is not final and was not published lately: that is how orders survive a
 * queue that lost them. It runs in every replica; rows that one works on are passed over by the others. The wait for an
 * order doubles each time, so that a long backlog is not multiplied.
 */
import { Clock, Effect, Exit, Layer, Metric } from "effect"
import { Database } from "#shared/postgres/database.ts"
import { OrderQueue, type QueueUnavailable } from "#shared/queue/order-queue.ts"
import type { Transient } from "#shared/transient.ts"
import { messageOf } from "./order.ts"
import { lockDueOrders, makeAllDue, postpone } from "./orders-sql.ts"

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

/** Sweeps every second until the scope closes. */
export const sweeperLayer = (
  { republishAfterMs }: SweeperOptions,
): Layer.Layer<never, never, Database | OrderQueue> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const database = yield* Database
      const queue = yield* OrderQueue
      const run = Effect.runPromiseExitWith(yield* Effect.context<never>())

      /** Publishes again one batch of due orders; gives how many they were. */
      const sweep = Effect.gen(function* () {
        const now = new Date(yield* Clock.currentTimeMillis)
        const swept = yield* database.transaction(
          async (sql): Promise<Exit.Exit<number, QueueUnavailable>> => {
            const orders = await lockDueOrders(sql, now, batch)
            if (orders.length === 0) return Exit.succeed(0)
            const messages = orders.map((order) => ({
              ...messageOf(order),
              republished: order.republished + 1,
            }))
            // Published before it is marked as such: a crash in between doubles a message, and loses none.
            const published = await run(queue.publish(messages))
            if (Exit.isFailure(published)) return Exit.failCause(published.cause)
            await postpone(sql, orders.map(({ id }) => id), now, {
              firstMs: republishAfterMs,
              mostMs,
            })
            return Exit.succeed(orders.length)
          },
        )
        return yield* swept
      })

      // What a volatile queue held is gone with the process that held it.
      if (queue.volatile) yield* Effect.ignore(database.query(makeAllDue))
      const sweepAll: Effect.Effect<void, Transient | QueueUnavailable> = Effect.gen(function* () {
        const count = yield* sweep
        yield* Metric.update(republished, count)
        if (count === batch) yield* sweepAll
      })
      yield* sweepAll.pipe(
        Effect.catch((error) => Effect.logWarning(`The sweeper will try again: ${error.message}`)),
        Effect.catchDefect((defect) => Effect.logError("The sweeper met a defect", defect)),
        Effect.andThen(Effect.sleep("1 second")),
        Effect.forever,
        Effect.forkScoped,
      )
    }),
  )
