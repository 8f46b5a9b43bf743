/** Holds back the answer to who places or cancels an order until the order is final. */
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
  /** It was placed before, with the same key. */
  readonly replayed: boolean
}

export interface Answered extends Placed {
  /** Whether the wait was honoured. */
  readonly waited: boolean
}

/** Each holds a connection, and looks at the database when nothing is told. */
const mostWaits = 5_000
const partOfUser = 1 / 10

export class Waits extends Context.Service<Waits, {
  /**
   * Gives an order that is placed or cancelled now as it is when it is final or the wait is over. The order has the id, unless
   * it was placed before. Fails with a 429 Problem, and nothing is done, while the user has as many wait as one may; when
   * there are too many of all, the order is not waited for, as RFC 7240 (2) lets a server do.
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

  const placedAndFinal = Effect.fnUntraced(
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
  detail:
    "Too many of your orders are waited for, so nothing was done now. Send this again without " +
    "Prefer: wait, or a little later.",
  headers: { "retry-after": "2" },
})
