/**
 * Intake. An order is accepted once it is on disk. Inserts share a statement by group commit; after
 * the commit the order is handed to the publisher. The same idempotency key and order from the same
 * user give the same order again.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { Details, type OrderContent, OrderId } from "#shared/contracts/order.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { failpoint } from "#shared/failpoint.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Permit } from "#shared/http/route.ts"
import { currentTraceparent, spansOf, tellSpan, withSharedSpan } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { Admission } from "./admission.ts"
import { LookUps } from "./look-ups.ts"
import { messageOf, type Order } from "./order.ts"
import { type Insertion, OrderStore } from "./order-table.ts"
import { Publisher } from "./publisher.ts"
import { overloaded } from "./room.ts"
import { type Answered, type Wait, Waits } from "./wait.ts"

export interface Placement extends OrderContent {
  readonly idempotencyKey: string | undefined
  /** The permit with which the request entered; released as soon as the order is stored. */
  readonly permit: Permit
}

export class Intake extends Context.Service<Intake, {
  /**
   * Stores an order and ensures that it becomes final. Returns it as it was stored or, with a wait,
   * once it is final or the wait is over. Fails with a 503 Problem when too many orders wait to be
   * stored, a 422 Problem when the key was used for another order, and a 429 Problem when the user
   * waits for too many answers.
   */
  readonly place: (
    placement: Placement,
    wait?: Wait,
  ) => Effect.Effect<Answered, Problem | Transient>
}>()("unwind/orders/Intake") {}

export interface IntakeOptions {
  /** Milliseconds from an order's acceptance to the first sweep that takes it. */
  readonly republishAfterMs: number
}

export const intakeLayer = (options: IntakeOptions) =>
  Layer.effect(
    Intake,
    Effect.gen(function* () {
      const { findByKey } = yield* LookUps
      const insert = yield* insertBatches
      const { whenFinal } = yield* Waits
      const random = yield* SecureRandom.SecureRandom

      /** The order that was placed before with the same key, if any. */
      const placedBefore = Effect.fnUntraced(function* (placement: Placement) {
        const { username, idempotencyKey } = placement
        if (idempotencyKey === undefined) return undefined
        const order = yield* findByKey(username, idempotencyKey)
        if (order === undefined) return undefined
        return sameOrder(order, placement) ? { order, replayed: true } : yield* keyReused
      })

      const store = Effect.fnUntraced(function* (placement: Placement, id: OrderId) {
        const { idempotencyKey } = placement
        const order = yield* newOrder(placement, id)
        const publishAt = new Date(order.createdAt.getTime() + options.republishAfterMs)
        while (true) {
          const inserted = yield* insert({ order, idempotencyKey, publishAt })
          if (inserted) return { order, replayed: false }
          const before = yield* placedBefore(placement)
          if (before !== undefined) return before
          // The key was forgotten in between, so it is free again.
        }
      })

      return Intake.of({
        place: Effect.fnUntraced(function* (placement, wait) {
          const id = OrderId.make(yield* random.uuidV7())
          yield* tellSpan({ "order.id": id })
          const placing = Effect.ensuring(store(placement, id), Effect.sync(placement.permit.leave))
          if (wait !== undefined) return yield* whenFinal(id, placement.username, placing, wait)
          return { ...(yield* placing), waited: false }
        }),
      })
    }),
  )

const newOrder = Effect.fnUntraced(
  function* ({ username, amountMinor, details }: Placement, id: OrderId) {
    const order: Order = {
      id,
      username,
      amountMinor,
      details,
      steps: stepsInForce,
      status: "pending",
      reason: null,
      createdAt: new Date(yield* Clock.currentTimeMillis),
      decidedAt: null,
      timeline: [],
      stuck: null,
      traceparent: (yield* currentTraceparent) ?? null,
      republished: 0,
    }
    return order
  },
)

/**
 * The most orders that wait to be stored: ten batches. When the database stalls, further clients
 * are refused at once instead of waiting until they time out.
 */
const mostWaiting = 5_000
/**
 * Half of the time that a batch takes to fail when the database hangs: what has waited behind it
 * this long is refused with it.
 */
const longestWaitMs = 10_000

/**
 * Inserts orders in batches and hands the stored ones to the publisher; tells for each whether it
 * was inserted.
 */
const insertBatches = Effect.gen(function* () {
  const { query } = yield* OrderStore
  const publisher = yield* Publisher
  const admission = yield* Admission
  return yield* groupCommit<Insertion, boolean, Problem | Transient>({
    max: 500,
    waiting: { most: mostWaiting, longestMs: longestWaitMs, full: overloaded },
    run: Effect.fnUntraced(function* (insertions) {
      yield* failpoint("orders.before insert")
      const inserted = yield* withSharedSpan(
        query((orders) => orders.insert(insertions)),
        "insert orders",
        { of: yield* spansOf(insertions.map(({ order }) => order)), count: insertions.length },
      )
      yield* failpoint("orders.inserted")
      const stored = insertions.flatMap(({ order }) => inserted.has(order.id) ? [order] : [])
      yield* admission.stored(stored)
      yield* publisher.publish(stored.map(messageOf))
      return insertions.map(({ order }) => inserted.has(order.id))
    }),
  })
})

const sameOrder = (a: OrderContent, b: OrderContent) =>
  a.amountMinor === b.amountMinor && sameDetails(a.details, b.details)

const sameDetails = Schema.toEquivalence(Details)

const keyReused = new Problem({
  status: 422,
  code: "idempotency_key_reused",
  detail: "This Idempotency-Key was sent with another order before. Use a new key for a new order.",
})
