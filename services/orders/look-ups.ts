/** Looks up orders: one, or the newest of a user. Users see only their own; operators see all. */
import { Context, Effect, Layer } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import type { Order } from "./order.ts"
import { OrderStore, type UsersKey } from "./order-table.ts"

export interface Page {
  /** Oldest first. */
  readonly orders: ReadonlyArray<Order>
  /** Whether there are older orders. */
  readonly more: boolean
}

/**
 * The most look-ups that wait for the database: ten batches. Further ones would be answered after
 * their clients have given up.
 */
const mostWaiting = 5_000
/**
 * Half of the time that a batch takes to fail when the database hangs: what has waited behind it
 * this long is refused with it.
 */
const longestWaitMs = 10_000

export class LookUps extends Context.Service<LookUps, {
  /**
   * One order of the user. Fails with a 404 Problem when there is none or it is another user's, and
   * with a 503 Problem when too many look-ups wait.
   */
  readonly find: (username: string, id: string) => Effect.Effect<Order, Problem | Transient>
  /**
   * Any user's order. Fails with a 404 Problem, and with a 503 Problem when too many look-ups wait.
   */
  readonly findAny: (id: string) => Effect.Effect<Order, Problem | Transient>
  /**
   * The order that a user sent with an idempotency key, if any. Fails with a 503 Problem when too
   * many look-ups wait.
   */
  readonly findByKey: (
    username: string,
    key: string,
  ) => Effect.Effect<Order | undefined, Problem | Transient>
  /** The newest orders of the user, older than `before` if it is given. */
  readonly list: (
    username: string,
    page: { readonly limit: number; readonly before: string | undefined },
  ) => Effect.Effect<Page, Transient>
}>()("unwind/orders/LookUps") {
  static readonly layer: Layer.Layer<LookUps, never, OrderStore> = Layer.effect(
    LookUps,
    Effect.gen(function* () {
      const { query } = yield* OrderStore
      // A batch of decisions wakes as many waiters, and all of them look up their order.
      const lookUp = yield* groupCommit<string, Order | undefined, Problem | Transient>({
        max: 500,
        waiting: { most: mostWaiting, longestMs: longestWaitMs, full: tooMany },
        run: (ids) =>
          Effect.map(
            query((orders) => orders.find([...new Set(ids)])),
            (orders) => ids.map((id) => orders.get(id)),
          ),
      })
      const lookUpKey = yield* groupCommit<UsersKey, Order | undefined, Problem | Transient>({
        max: 500,
        waiting: { most: mostWaiting, longestMs: longestWaitMs, full: tooMany },
        run: (keys) => query((orders) => orders.findByKeys(keys)),
      })
      return LookUps.of({
        findByKey: (username, key) => lookUpKey({ username, key }),
        find: (username, id) =>
          Effect.flatMap(
            lookUp(id),
            (order) =>
              order?.username === username ? Effect.succeed(order) : Effect.fail(notOfTheUser),
          ),
        findAny: (id) =>
          Effect.flatMap(
            lookUp(id),
            (order) => order === undefined ? Effect.fail(noSuchOrder) : Effect.succeed(order),
          ),
        list: (username, { limit, before }) =>
          Effect.map(query((orders) => orders.newest(username, limit + 1, before)), (newest) => ({
            orders: newest.slice(0, limit).reverse(),
            more: newest.length > limit,
          })),
      })
    }),
  )
}

const notOfTheUser = new Problem({
  status: 404,
  code: "order_not_found",
  detail: "You have no order with this id. GET /api/orders/ lists your orders.",
})

/** For operators, who may know which orders exist. */
export const noSuchOrder = new Problem({
  status: 404,
  code: "order_not_found",
  detail: "There is no order with this id.",
})

const tooMany = new Problem({
  status: 503,
  code: "overloaded",
  detail: "Too many orders are being looked up. Try again in a few seconds.",
  headers: { "retry-after": "5" },
})
