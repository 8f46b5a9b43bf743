/**
 * The sweeper publishes again every order that is not final and was not published lately, so that
 * orders survive a queue that lost them. It runs in every replica, and skips rows that another one
 * has locked. The wait of an order doubles each time, so that a long backlog is not multiplied.
 */
import { Cause, Clock, Effect, Layer, Metric, Schedule } from "effect"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { failpoint } from "#shared/failpoint.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"
import { messageOf } from "./order.ts"
import { OrderStore } from "./order-table.ts"

const batch = 500
/**
 * The longest wait of an order between publications, in milliseconds. An order that is due later
 * than this is due at once.
 */
export const mostMs = 10 * 60_000

const republished = Metric.counter("orders_republished_total", {
  description: "Orders that the sweeper put on the queue again",
  incremental: true,
})

const sweeps = Metric.counter("orders_sweeps_total", {
  description: "Successful sweeps for orders that are due to be published again",
  incremental: true,
})

export interface SweeperOptions {
  /**
   * Milliseconds from an order's acceptance to the first sweep that takes it, and from that one to
   * the next.
   */
  readonly republishAfterMs: number
}

/**
 * Publishes one batch of due orders again, and returns their number. Fails with Transient or
 * QueueUnavailable. The orders are taken, and are due again later, before they are published: no
 * row is locked during the call to the queue, and an order that does not get there is published
 * after its next wait.
 */
export const sweep = Effect.fnUntraced(function* ({ republishAfterMs }: SweeperOptions) {
  const { query } = yield* OrderStore
  const queue = yield* OrderQueue
  const now = new Date(yield* Clock.currentTimeMillis)
  const orders = yield* query((table) =>
    table.takeDue(now, batch, { firstMs: republishAfterMs, mostMs })
  )
  if (orders.length > 0) {
    yield* failpoint("orders.swept")
    yield* queue.publish(orders.map(messageOf))
  }
  yield* Metric.update(republished, orders.length)
  yield* Metric.update(sweeps, 1)
  return orders.length
})

/** Sweeps every second until the scope closes. */
export const sweeperLayer = (
  options: SweeperOptions,
): Layer.Layer<never, never, OrderStore | OrderQueue> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      yield* fromTheStart([republished, sweeps])
      const { ping, volatile } = yield* OrderQueue
      const { query } = yield* OrderStore
      // A volatile queue loses its content with its process.
      if (volatile) yield* Effect.ignore(query((orders) => orders.makeAllDue))
      const willTryAgain = ({ message }: { readonly message: string }) =>
        Effect.logWarning(`The sweeper will try again: ${message}`)
      // Taking orders while the queue is unavailable would cost each of them a wait.
      const queueIsBack = Effect.retry(ping, Schedule.spaced("1 second"))
      yield* sweep(options).pipe(
        Effect.repeat({ while: (count) => count >= batch }),
        Effect.catchTag("QueueUnavailable", (error) =>
          Effect.andThen(willTryAgain(error), Effect.ignore(queueIsBack))),
        Effect.catch(willTryAgain),
        Effect.catchDefect((defect) =>
          Effect.logError("The sweeper met a defect", Cause.die(defect))
        ),
        Effect.andThen(Effect.sleep("1 second")),
        Effect.forever,
        Effect.forkScoped,
      )
    }),
  )
