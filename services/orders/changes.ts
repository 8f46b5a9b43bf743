/**
 * Tells whoever waits for an order that it changed. In this process the register does, as soon as the change is committed, with
 * the order as it is then; in other replicas a notification through PostgreSQL. One may be missed while the connection is
 * away, so now and then all are told, and look for themselves.
 */
import { Context, Effect, Latch, Layer, type Scope } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import type { Order } from "./order.ts"

export const changesChannel = "orders"

/**
 * What a notification says of orders that changed: the ids of those that are not final, and after an empty one those that are.
 * Versions from before read all of it as ids, and know no order by an empty one.
 */
export const changesText = (ids: ReadonlyArray<OrderId>, final: ReadonlySet<OrderId>): string => {
  const part = (isFinal: boolean) => ids.filter((id) => final.has(id) === isFinal).join(",")
  return `${part(false)},,${part(true)}`
}

const idsIn = (list: string): ReadonlyArray<string> => list === "" ? [] : list.split(",")

/** How long a waiter trusts that it would have been told. */
const lookAgain = "5 seconds"

interface Watcher {
  readonly latch: Latch.Latch
  /** What the order is now, where that was told. */
  news: Order | undefined
}

export class Changes extends Context.Service<Changes, {
  /**
   * Watches one order until the scope closes. The effect it gives waits for the next change, at most five seconds, and gives
   * the order as it is then, if that was told: else there may be something to see. A change between two waits is not missed.
   */
  readonly watch: (
    orderId: string,
  ) => Effect.Effect<Effect.Effect<Order | undefined>, never, Scope.Scope>
  /** Those of the orders that are watched in this process. */
  readonly watched: <Id extends string>(orderIds: ReadonlyArray<Id>) => ReadonlyArray<Id>
  /**
   * Tells those who watch these orders what they are now, and all who want to know it of these ids that they are final. For
   * what is committed only.
   */
  readonly tell: (orders: Iterable<Order>, final: ReadonlyArray<OrderId>) => Effect.Effect<void>
  /**
   * From now on calls back with the ids of orders that became final, in any replica, perhaps of one more than once; with null
   * when some may have been missed.
   */
  readonly onFinal: (told: (ids: ReadonlyArray<string> | null) => void) => Effect.Effect<void>
}>()("unwind/orders/Changes") {
  static readonly layer: Layer.Layer<Changes, Transient, Database> = Layer.effect(
    Changes,
    Effect.gen(function* () {
      const { listen } = yield* Database
      const watchers = new Map<string, Set<Watcher>>()
      const wake = (orderId: string, news?: Order) =>
        watchers.get(orderId)?.forEach((watcher) => {
          watcher.news = news
          watcher.latch.openUnsafe()
        })
      const wakeAll = () => {
        for (const orderId of watchers.keys()) wake(orderId)
      }
      const told: Array<(ids: ReadonlyArray<string> | null) => void> = []
      const tellFinal = (ids: ReadonlyArray<string> | null) => told.forEach((tell) => tell(ids))
      yield* listen(changesChannel, (payload) => {
        if (payload === null) {
          tellFinal(null)
          return wakeAll()
        }
        const [others = "", final = ""] = payload.split(",,")
        const ids = idsIn(final)
        if (ids.length > 0) tellFinal(ids)
        for (const orderId of [...idsIn(others), ...ids]) wake(orderId)
      })
      yield* Effect.sleep(lookAgain).pipe(
        Effect.andThen(Effect.sync(wakeAll)),
        Effect.forever,
        Effect.forkScoped,
      )
      return Changes.of({
        watched: (orderIds) => orderIds.filter((orderId) => watchers.has(orderId)),
        onFinal: (tell) => Effect.sync(() => void told.push(tell)),
        tell: (orders, final) =>
          Effect.sync(() => {
            if (final.length > 0) tellFinal(final)
            for (const order of orders) wake(order.id, order)
          }),
        watch: (orderId) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              const watcher: Watcher = { latch: Latch.makeUnsafe(false), news: undefined }
              watchers.set(orderId, (watchers.get(orderId) ?? new Set()).add(watcher))
              return watcher
            }),
            (watcher) =>
              Effect.sync(() => {
                const others = watchers.get(orderId)
                others?.delete(watcher)
                if (others?.size === 0) watchers.delete(orderId)
              }),
          ).pipe(Effect.map(nextOf)),
      })
    }),
  )
}

const nextOf = (watcher: Watcher): Effect.Effect<Order | undefined> =>
  Effect.map(watcher.latch.await, () => {
    const { news } = watcher
    watcher.latch.closeUnsafe()
    watcher.news = undefined
    return news
  })
