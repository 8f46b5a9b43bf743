/**
 * Puts orders on the queue right after they are stored. Nothing waits for it or depends on it.
 * While the queue is unavailable it retries until the sweeper's turn comes; orders that wait longer
 * or exceed the buffer are left to the sweeper.
 */
import { Cause, Clock, Context, Effect, Layer, Queue, Schedule } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { failpoint } from "#shared/failpoint.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"
import { spansOf, withSharedSpan } from "#shared/telemetry/trace.ts"

const batch = 500
const capacity = 10_000
const retryAfter = "500 millis"

export interface PublisherOptions {
  /** Milliseconds from an order's acceptance to the first sweep that takes it. */
  readonly republishAfterMs: number
}

export class Publisher extends Context.Service<Publisher, {
  /** Hands over messages to be published soon. */
  readonly publish: (messages: ReadonlyArray<OrderMessage>) => Effect.Effect<void>
}>()("unwind/orders/Publisher") {}

export const publisherLayer = (
  { republishAfterMs }: PublisherOptions,
): Layer.Layer<Publisher, never, OrderQueue> =>
  Layer.effect(
    Publisher,
    Effect.gen(function* () {
      const queue = yield* OrderQueue
      const waiting = yield* Queue.dropping<OrderMessage>(capacity)
      const publish = Effect.fnUntraced(function* (messages: ReadonlyArray<OrderMessage>) {
        const nowMs = yield* Clock.currentTimeMillis
        const own = messages.filter(({ createdAtMs }) => nowMs < createdAtMs + republishAfterMs)
        if (own.length === 0) return
        yield* failpoint("orders.before publish")
        yield* withSharedSpan(queue.publish(own), "publish orders", {
          of: yield* spansOf(own),
          count: own.length,
          kind: "producer",
        })
        yield* failpoint("orders.published")
      }, Effect.uninterruptible)
      yield* Queue.takeBetween(waiting, 1, batch).pipe(
        Effect.flatMap((messages) => {
          const attempt = publish(messages)
          return Effect.catch(attempt, ({ message }) =>
            Effect.logWarning(`Orders wait to be published: ${message}`).pipe(
              Effect.andThen(Effect.sleep(retryAfter)),
              Effect.andThen(Effect.retry(attempt, Schedule.spaced(retryAfter))),
            ))
        }),
        Effect.catchDefect((defect) =>
          Effect.logError(
            "The publisher met a defect; orders wait for the sweeper",
            Cause.die(defect),
          )
        ),
        Effect.forever,
        Effect.forkScoped,
      )
      return Publisher.of({
        publish: (messages) =>
          Effect.asVoid(Queue.offerAll(waiting, messages)),
      })
    }),
  )
