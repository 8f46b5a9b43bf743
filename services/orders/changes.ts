/**
 * Tells whoever waits for an order that it changed, in every replica: the register notifies through PostgreSQL. A
 * notification may be missed while the connection is away, so now and then all are told, and look for themselves.
 */
import { Context, Effect, Latch, Layer, type Scope } from "effect"
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
      const watchers = new Map<string, Set<Latch.Latch>>()
      const tell = (latches: Iterable<Latch.Latch>) => {
        for (const latch of latches) latch.openUnsafe()
      }
      const tellAll = () => watchers.forEach(tell)
      yield* listen(changesChannel, (payload) => {
        if (payload === null) return tellAll()
        for (const orderId of payload.split(",")) tell(watchers.get(orderId) ?? [])
      })
      yield* Effect.sleep(lookAgain).pipe(
        Effect.andThen(Effect.sync(tellAll)),
        Effect.forever,
        Effect.forkScoped,
      )
      return Changes.of({
        watch: (orderId) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              const latch = Latch.makeUnsafe(false)
              const latches = watchers.get(orderId) ?? new Set()
              watchers.set(orderId, latches.add(latch))
              return latch
            }),
            (latch) =>
              Effect.sync(() => {
                const latches = watchers.get(orderId)
                latches?.delete(latch)
                if (latches?.size === 0) watchers.delete(orderId)
              }),
          ).pipe(
            Effect.map((latch) =>
              Effect.andThen(latch.await, Effect.sync(() => latch.closeUnsafe()))
            ),
          ),
      })
    }),
  )
}
