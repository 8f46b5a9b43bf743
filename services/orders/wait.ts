/** Delays the answer to a request that places or cancels an order until the order is final. */
import { Context, type Duration, Effect, Layer, type Scope } from "effect"
import { fairShare } from "#shared/fair-share.ts"
import { Problem } from "#shared/http/problem.ts"
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
  /** Whether it was placed before, with the same key. */
  readonly replayed: boolean
}

export interface Answered extends Placed {
  /** Whether the wait was honoured. */
  readonly waited: boolean
}

/** Each holds a connection, and polls the database when it is told nothing. */
const mostWaits = 5_000
const partOfUser = 1 / 10

export class Waits extends Context.Service<Waits, {
  /**
   * Places or cancels an order, and returns it once it is final or the wait is over. The order has
   * the id, unless it was placed before. Fails with a 429 Problem, and does nothing, when the user
   * has as many waits as one may. When there are too many waits in all, the order is given without
   * a wait, as RFC 7240 (2) allows.
   */
  readonly whenFinal: <E>(
    id: string,
    username: string,
    placing: Effect.Effect<Placed, E>,
    wait: Wait,
  ) => Effect.Effect<Answered, E | Problem>
}>()("unwind/orders/Waits") {
  static readonly layer: Layer.Layer<Waits, never, Changes | LookUps> = Layer.effect(
    Waits,
    Effect.suspend(() => Effect.map(finalWaits, (whenFinal) => Waits.of({ whenFinal }))),
  )
}

const finalWaits = Effect.gen(function* () {
  const changes = yield* Changes
  const { find } = yield* LookUps

  // While the database is unavailable, the order stays as it was last seen.
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

  const placedAndFinal = Effect.fnUntraced(
    function* <E>(
      id: string,
      placing: Effect.Effect<Placed, E>,
      wait: Wait,
    ): Effect.fn.Return<Placed, E, Scope.Scope> {
      // Watches before the order is stored, so that no change is missed.
      const changed = yield* changes.watch(id)
      const { order, replayed } = yield* placing
      if (!replayed) return { order: yield* untilFinal(order, changed, wait), replayed }
      const changedSince = yield* changes.watch(order.id)
      return { order: yield* untilFinal(yield* lookAt(order), changedSince, wait), replayed }
    },
    Effect.scoped,
  )

  const waits = fairShare({ most: mostWaits, part: partOfUser })
  return <E>(
    id: string,
    username: string,
    placing: Effect.Effect<Placed, E>,
    wait: Wait,
  ): Effect.Effect<Answered, E | Problem> =>
    Effect.suspend((): Effect.Effect<Answered, E | Problem> => {
      const room = waits.take(username)
      if (room === "over share") return Effect.fail(tooManyWaits)
      const waited = room === "room"
      const answered = waited
        ? Effect.ensuring(
          placedAndFinal(id, placing, wait),
          Effect.sync(() => waits.giveBack(username)),
        )
        : placing
      return Effect.map(answered, (placed) => ({ ...placed, waited }))
    })
})

const tooManyWaits = new Problem({
  status: 429,
  code: "too_many_waits",
  detail: "You wait for too many orders at once, so nothing was done. Send this again without " +
    "Prefer: wait, or a little later.",
  headers: { "retry-after": "2" },
})
