/**
 * Tells whoever waits for an order that it changed, in every replica: the register notifies through PostgreSQL. A
 * notification may be missed while the connection is away, so waiters also look for themselves now and then.
 */
import { Context, Effect, Layer, Queue, type Scope } from "effect"
import { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"

export const changesChannel = "orders"

/** How long a waiter trusts that it would have been told. */
const lookAgain = "5 seconds"

export class Changes extends Context.Service<Changes, {
  /**
   * Watches one order until the scope closes. The effect it gives waits for the next change, at most five seconds; a
   * change between two waits is not missed.
   */
  readonly watch: (orderId: string) => Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
}>()("unwind/orders/Changes") {
  static readonly layer: Layer.Layer<Changes, Transient, Database> = Layer.effect(
    Changes,
    Effect.gen(function* () {
      const { listen } = yield* Database
      const watchers = new Map<string, Set<Queue.Queue<void>>>()
      const tell = (queues: Iterable<Queue.Queue<void>>) => {
        for (const queue of queues) Queue.offerUnsafe(queue, undefined)
      }
      yield* listen(changesChannel, (payload) => {
        if (payload === null) return watchers.forEach(tell)
        for (const orderId of payload.split(",")) tell(watchers.get(orderId) ?? [])
      })
      return Changes.of({
        watch: (orderId) =>
          Effect.acquireRelease(
            Effect.map(Queue.sliding<void>(1), (queue) => {
              const queues = watchers.get(orderId) ?? new Set()
              watchers.set(orderId, queues.add(queue))
              return queue
            }),
            (queue) =>
              Effect.sync(() => {
                const queues = watchers.get(orderId)
                queues?.delete(queue)
                if (queues?.size === 0) watchers.delete(orderId)
              }),
          ).pipe(
            Effect.map((queue) =>
              Effect.asVoid(Effect.timeoutOption(Queue.take(queue), lookAgain))
            ),
          ),
      })
    }),
  )
}
