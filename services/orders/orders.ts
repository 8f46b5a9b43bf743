/**
 * Intake and look-ups. An order is accepted when it is on disk: inserts are shared by group commit, and only then is the
 * order handed to the publisher. The same idempotency key and order from the same user give the same order again.
 */
import { Clock, Context, type Duration, Effect, Layer, Schema, type Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { Details } from "#shared/contracts/order.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { failpoint } from "#shared/failpoint.ts"
import { Problem } from "#shared/http/problem.ts"
import { currentTraceparent } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { Backlog } from "./backlog.ts"
import { Changes } from "./changes.ts"
import { isFinal, messageOf, type Order } from "./order.ts"
import { type Insertion, OrderStore } from "./order-table.ts"
import { Publisher } from "./publisher.ts"

export interface Placement {
  readonly username: string
  readonly amountMinor: number
  readonly details: Details
  readonly idempotencyKey: string | undefined
}

/** How long an answer is held back until the order is final. */
export interface Wait {
  readonly atMost: Duration.Duration
  /** Ends the wait when it succeeds. */
  readonly closing: Effect.Effect<void>
}

export interface Page {
  /** Oldest first. */
  readonly orders: ReadonlyArray<Order>
  /** There are orders older than these. */
  readonly more: boolean
}

export class Orders extends Context.Service<Orders, {
  /**
   * Stores an order and sees to it that it becomes final. Gives it as it was stored or, with a wait, as it is when it is
   * final or the wait is over. Fails with a 503 Problem while the backlog is full, and with a 422 Problem when the key was
   * used for another order.
   */
  readonly place: (
    placement: Placement,
    wait?: Wait,
  ) => Effect.Effect<{ readonly order: Order; readonly replayed: boolean }, Problem | Transient>
  /** One order of the user. Fails with a 404 Problem, also when it is somebody else's. */
  readonly find: (username: string, id: string) => Effect.Effect<Order, Problem | Transient>
  /** The newest orders of the user, older than `before` if it is given. */
  readonly list: (
    username: string,
    page: { readonly limit: number; readonly before: string | undefined },
  ) => Effect.Effect<Page, Transient>
}>()("unwind/orders/Orders") {}

export interface OrdersOptions {
  readonly republishAfterMs: number
}

export const ordersLayer = (options: OrdersOptions) =>
  Layer.effect(
    Orders,
    Effect.gen(function* () {
      const { query } = yield* OrderStore
      const backlog = yield* Backlog
      const changes = yield* Changes
      const insert = yield* insertBatches
      const lookUp = yield* lookUpBatches
      const random = yield* SecureRandom.SecureRandom

      /** The order that was placed with the same key before, if there is one. */
      const placedBefore = Effect.fnUntraced(function* (placement: Placement) {
        const { username, idempotencyKey } = placement
        if (idempotencyKey === undefined) return undefined
        const order = yield* query((orders) => orders.findByKey(username, idempotencyKey))
        if (order === undefined) return undefined
        return sameOrder(order, placement) ? { order, replayed: true } : yield* keyReused
      })

      const store = Effect.fnUntraced(function* (placement: Placement, id: string) {
        const { idempotencyKey, ...wanted } = placement
        const now = yield* Clock.currentTimeMillis
        const order: Order = {
          ...wanted,
          id,
          steps: stepsInForce,
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
        while (true) {
          const inserted = yield* insert({ order, idempotencyKey, publishAt })
          if (inserted) return { order, replayed: false }
          const before = yield* placedBefore(placement)
          if (before !== undefined) return before
          // Its key was forgotten just now, so that it is free again.
        }
      })

      // What is sent again is no new load: it is answered while the backlog is full, too.
      const accept = (placement: Placement, id: string) =>
        Effect.matchEffect(backlog.admit, {
          onSuccess: () => store(placement, id),
          onFailure: (full) =>
            Effect.flatMap(
              placedBefore(placement),
              (before) => before === undefined ? Effect.fail(full) : Effect.succeed(before),
            ),
        })

      const find = (username: string, id: string) =>
        Effect.flatMap(
          lookUp(id),
          (order) =>
            order?.username === username ? Effect.succeed(order) : Effect.fail(noSuchOrder),
        )

      // While the database is away there is no news; the order is safe all the same.
      const lookAt = (order: Order) =>
        Effect.orElseSucceed(find(order.username, order.id), () => order)

      const untilFinal = Effect.fnUntraced(
        function* (order: Order, changed: Effect.Effect<void>, { atMost, closing }: Wait) {
          let latest = order
          const ends = Effect.gen(function* () {
            while (!isFinal(latest)) {
              yield* changed
              latest = yield* lookAt(latest)
            }
          })
          yield* Effect.raceAllFirst([ends, closing, Effect.sleep(atMost)])
          return latest
        },
      )

      const acceptAndWait = Effect.fnUntraced(
        function* (placement: Placement, id: string, wait: Wait) {
          // From before it is stored, so that no change of it is missed.
          const changed = yield* changes.watch(id)
          const { order, replayed } = yield* accept(placement, id)
          if (!replayed) return { order: yield* untilFinal(order, changed, wait), replayed }
          const changedSince = yield* changes.watch(order.id)
          return { order: yield* untilFinal(yield* lookAt(order), changedSince, wait), replayed }
        },
        Effect.scoped,
      )

      return Orders.of({
        place: (placement, wait) =>
          Effect.flatMap(
            random.uuidV7(),
            (id) => wait === undefined ? accept(placement, id) : acceptAndWait(placement, id, wait),
          ),
        find,
        list: (username, { limit, before }) =>
          Effect.map(query((orders) => orders.newest(username, limit + 1, before)), (newest) => ({
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
  OrderStore | Publisher | Scope.Scope
> = Effect.gen(function* () {
  const { query } = yield* OrderStore
  const publisher = yield* Publisher
  return yield* groupCommit({
    max: 500,
    run: Effect.fnUntraced(function* (insertions: ReadonlyArray<Insertion>) {
      yield* failpoint("orders.before insert")
      const inserted = yield* query((orders) => orders.insert(insertions))
      yield* failpoint("orders.inserted")
      const stored = insertions.filter(({ order }) => inserted.has(order.id))
      yield* publisher.publish(stored.map(({ order }) => messageOf(order)))
      return insertions.map(({ order }) => inserted.has(order.id))
    }),
  })
})

/** Looks up orders by their ids, many at a time: when a batch of them is decided, as many wait to see it. */
const lookUpBatches = Effect.flatMap(OrderStore, ({ query }) =>
  groupCommit({
    max: 500,
    run: (ids: ReadonlyArray<string>) =>
      Effect.map(
        query((orders) => orders.find([...new Set(ids)])),
        (orders) => ids.map((id) => orders.get(id)),
      ),
  }))

type Wanted = Omit<Placement, "idempotencyKey">

const sameOrder = (a: Wanted, b: Wanted) =>
  a.amountMinor === b.amountMinor && sameDetails(a.details, b.details)

const sameDetails = Schema.toEquivalence(Details)

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
