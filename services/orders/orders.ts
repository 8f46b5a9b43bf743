/**
 * Intake and look-ups. An order is accepted when it is on disk: inserts are shared by group commit, and only then is the
 * order handed to the publisher. The same idempotency key and order from the same user give the same order again.
 */
import { Clock, Context, type Duration, Effect, Layer, type Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { Problem } from "#shared/http/problem.ts"
import { Database } from "#shared/postgres/database.ts"
import { currentTraceparent } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { Backlog } from "./backlog.ts"
import { Changes } from "./changes.ts"
import { isFinal, messageOf, type Order } from "./order.ts"
import { findByKey, findOrder, type Insertion, insertOrders, newestOrders } from "./orders-sql.ts"
import { Publisher } from "./publisher.ts"

export interface Placement {
  readonly username: string
  readonly amountMinor: number
  readonly item: number
  readonly slot: string
  readonly idempotencyKey: string | undefined
}

export interface Page {
  /** Oldest first. */
  readonly orders: ReadonlyArray<Order>
  /** There are orders older than these. */
  readonly more: boolean
}

export class Orders extends Context.Service<Orders, {
  /**
   * Stores an order and sees to it that it becomes final. Fails with a 503 Problem while the backlog is full, and with a
   * 422 Problem when the key was used for another order.
   */
  readonly place: (
    placement: Placement,
  ) => Effect.Effect<{ readonly order: Order; readonly replayed: boolean }, Problem | Transient>
  /** One order of the user. Fails with a 404 Problem, also when it is somebody else's. */
  readonly find: (username: string, id: string) => Effect.Effect<Order, Problem | Transient>
  /** The newest orders of the user, older than `before` if it is given. */
  readonly list: (
    username: string,
    page: { readonly limit: number; readonly before: string | undefined },
  ) => Effect.Effect<Page, Transient>
  /** The order once it is final, or as it is after the given time or when `closing` succeeds. */
  readonly awaitFinal: (
    order: Order,
    atMost: Duration.Duration,
    closing: Effect.Effect<void>,
  ) => Effect.Effect<Order>
}>()("unwind/orders/Orders") {}

export interface OrdersOptions {
  readonly republishAfterMs: number
}

export const ordersLayer = (options: OrdersOptions) =>
  Layer.effect(
    Orders,
    Effect.gen(function* () {
      const { query } = yield* Database
      const backlog = yield* Backlog
      const changes = yield* Changes
      const insert = yield* insertBatches
      const random = SecureRandom.make((size) => crypto.getRandomValues(new Uint8Array(size)))

      const place = Effect.fnUntraced(function* ({ idempotencyKey, ...wanted }: Placement) {
        yield* backlog.admit
        const now = yield* Clock.currentTimeMillis
        const order: Order = {
          ...wanted,
          id: yield* random.uuidV7(),
          status: "pending",
          reason: null,
          createdAt: new Date(now),
          decidedAt: null,
          timeline: [],
          stuck: null,
          traceparent: (yield* currentTraceparent) ?? null,
          republished: 0,
        }
        const publishAt = new Date(now + options.republishAfterMs)
        const inserted = yield* insert({ order, idempotencyKey, publishAt })
        if (inserted || idempotencyKey === undefined) return { order, replayed: false }
        const earlier = yield* query((sql) => findByKey(sql, wanted.username, idempotencyKey))
        if (earlier === undefined || !sameOrder(earlier, wanted)) return yield* keyReused
        return { order: earlier, replayed: true }
      })

      const find = (username: string, id: string) =>
        Effect.flatMap(
          query((sql) => findOrder(sql, username, id)),
          (order) => order === undefined ? Effect.fail(noSuchOrder) : Effect.succeed(order),
        )

      const awaitFinal = (order: Order, atMost: Duration.Duration, closing: Effect.Effect<void>) =>
        Effect.gen(function* () {
          const changed = yield* changes.watch(order.id)
          let latest = order
          const untilFinal = Effect.gen(function* () {
            while (true) {
              // While the database is away there is no news; the order is safe all the same.
              latest = yield* Effect.orElseSucceed(find(order.username, order.id), () => latest)
              if (isFinal(latest)) return
              yield* changed
            }
          })
          yield* Effect.timeoutOption(Effect.raceFirst(untilFinal, closing), atMost)
          return latest
        }).pipe(Effect.scoped)

      return Orders.of({
        place,
        find,
        awaitFinal,
        list: (username, { limit, before }) =>
          Effect.map(query((sql) => newestOrders(sql, username, limit + 1, before)), (newest) => ({
            orders: newest.slice(0, limit).reverse(),
            more: newest.length > limit,
          })),
      })
    }),
  )

/** Inserts orders, many at a time, and hands on to the publisher what is stored. */
const insertBatches: Effect.Effect<
  (insertion: Insertion) => Effect.Effect<boolean, Transient>,
  never,
  Database | Publisher | Scope.Scope
> = Effect.gen(function* () {
  const { query } = yield* Database
  const publisher = yield* Publisher
  return yield* groupCommit({
    max: 500,
    workers: 2,
    run: Effect.fnUntraced(function* (insertions: ReadonlyArray<Insertion>) {
      const inserted = yield* query((sql) => insertOrders(sql, insertions))
      const stored = insertions.filter(({ order }) => inserted.has(order.id))
      yield* publisher.publish(stored.map(({ order }) => messageOf(order)))
      return insertions.map(({ order }) => inserted.has(order.id))
    }),
  })
})

const sameOrder = (a: Omit<Placement, "idempotencyKey">, b: Omit<Placement, "idempotencyKey">) =>
  a.amountMinor === b.amountMinor && a.item === b.item && a.slot === b.slot

const keyReused = new Problem({
  status: 422,
  code: "idempotency_key_reused",
  detail: "This Idempotency-Key was sent with another order before. Use a new key for a new order.",
})

const noSuchOrder = new Problem({
  status: 404,
  code: "order_not_found",
  detail: "You have no order with this id. GET /api/orders/ lists your orders.",
})
