/** Holds back the answer to an order until the order is final. */
import { type Duration, Effect, type Scope } from "effect"
import { Changes } from "./changes.ts"
import { LookUps } from "./look-ups.ts"
import { isFinal, type Order } from "./order.ts"

export interface Wait {
  readonly atMost: Duration.Duration
  /** Ends the wait when it succeeds. */
  readonly closing: Effect.Effect<void>
}

export interface Placed {
  readonly order: Order
  /** It was placed before, with the same key. */
  readonly replayed: boolean
}

/**
 * Makes the function that gives a placed order as it is when it is final or the wait is over. The order gets the id, unless it
 * was placed before.
 */
export const finalWaits = Effect.gen(function* () {
  const changes = yield* Changes
  const { find } = yield* LookUps

  // While the database is away there is no news; the order is safe all the same.
  const lookAt = (order: Order) => Effect.orElseSucceed(find(order.username, order.id), () => order)

  const untilFinal = Effect.fnUntraced(
    function* (order: Order, changed: Effect.Effect<Order | undefined>, wait: Wait) {
      let latest = order
      const ends = Effect.gen(function* () {
        while (!isFinal(latest)) latest = (yield* changed) ?? (yield* lookAt(latest))
      })
      yield* Effect.raceAllFirst([ends, wait.closing, Effect.sleep(wait.atMost)])
      return latest
    },
  )

  return Effect.fnUntraced(
    function* <E>(
      id: string,
      placing: Effect.Effect<Placed, E>,
      wait: Wait,
    ): Effect.fn.Return<Placed, E, Scope.Scope> {
      // From before it is stored, so that no change of it is missed.
      const changed = yield* changes.watch(id)
      const { order, replayed } = yield* placing
      if (!replayed) return { order: yield* untilFinal(order, changed, wait), replayed }
      const changedSince = yield* changes.watch(order.id)
      return { order: yield* untilFinal(yield* lookAt(order), changedSince, wait), replayed }
    },
    Effect.scoped,
  )
})
