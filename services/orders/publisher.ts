/**
 * Puts orders on the queue right after they were stored. Nobody waits for it and nothing depends on it: what cannot be
 * published, because the queue is away or too much waits already, is published by the sweeper.
 */
import { Cause, Context, Effect, Layer, Queue } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { failpoint } from "#shared/failpoint.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"

const batch = 500
const capacity = 10_000

export class Publisher extends Context.Service<Publisher, {
  /** Hands over messages to be published soon. */
  readonly publish: (messages: ReadonlyArray<OrderMessage>) => Effect.Effect<void>
}>()("unwind/orders/Publisher") {
  static readonly layer: Layer.Layer<Publisher, never, OrderQueue> = Layer.effect(
    Publisher,
    Effect.gen(function* () {
      const queue = yield* OrderQueue
      const waiting = yield* Queue.dropping<OrderMessage>(capacity)
      yield* Queue.takeBetween(waiting, 1, batch).pipe(
        Effect.flatMap((messages) =>
          Effect.uninterruptible(
            failpoint("orders.before publish").pipe(
              Effect.andThen(queue.publish(messages)),
              Effect.andThen(failpoint("orders.published")),
            ),
          )
        ),
        Effect.catch((error) => Effect.logWarning(`Orders wait for the sweeper: ${error.message}`)),
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
        publish: (messages) => Effect.asVoid(Queue.offerAll(waiting, messages)),
      })
    }),
  )
}
