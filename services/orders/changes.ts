/**
 * Tells waiting callers that an order changed. In this process the register does so after the
 * commit, with the order as it is then; other replicas learn of it by a PostgreSQL notification. A
 * notification may be lost while the connection is down, so every five seconds all watchers are
 * woken to look for themselves.
 */
import { Context, Effect, Latch, Layer, type Scope } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import type { Order } from "./order.ts"

export const changesChannel = "orders"

/**
 * The payload of a notification: the ids of changed orders that are not final, an empty id, then
 * the ids of final ones. Earlier versions read all parts as ids, and ignore the empty one.
 */
export const changesText = (ids: ReadonlyArray<OrderId>, final: ReadonlySet<OrderId>): string => {
  const part = (isFinal: boolean) => ids.filter((id) => final.has(id) === isFinal).join(",")
  return `${part(false)},,${part(true)}`
}

const idsIn = (list: string): ReadonlyArray<string> => list === "" ? [] : list.split(",")

/** How often all watchers look for themselves, in case a notification was lost. */
const lookAgain = "5 seconds"

interface Watcher {
  readonly latch: Latch.Latch
  /** The order as it is now, if it came with the change. */
  news: Order | undefined
}

export class Changes extends Context.Service<Changes, {
  /**
   * Watches one order until the scope closes. The inner effect waits for the next change, at most
   * five seconds, and returns the order if it came with the change; undefined means that the caller
   * looks it up. A change between two waits is not missed.
   */
  readonly watch: (
    orderId: string,
  ) => Effect.Effect<Effect.Effect<Order | undefined>, never, Scope.Scope>
  /** The orders among these that are watched in this process. */
  readonly watched: <Id extends string>(orderIds: ReadonlyArray<Id>) => ReadonlyArray<Id>
  /**
   * Wakes the watchers of these orders with their new state, and passes the ids of the final ones
   * to the callbacks of `onFinal`. Only for committed changes.
   */
  readonly tell: (orders: Iterable<Order>, final: ReadonlyArray<OrderId>) => Effect.Effect<void>
  /**
   * Calls back with the ids of orders that become final in any replica, perhaps more than once, and
   * with null when some may have been missed.
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
