/**
 * Cancels orders that are not decided, by an abort in the register. The first decision wins, so a
 * cancel either stops an order or comes too late, never both. The saga undoes what the order holds:
 * a run in flight learns of the abort from the register; where there is none, the sweeper publishes
 * the order for a new run.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { orderCancelled } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import { LookUps } from "./look-ups.ts"
import type { Order } from "./order.ts"
import { OrderStore } from "./order-table.ts"
import { Register } from "./register.ts"
import { type Answered, type Wait, Waits } from "./wait.ts"

export interface CancelledAny {
  readonly order: Order
  /** Whether it was cancelled before. */
  readonly before: boolean
}

export class Cancellation extends Context.Service<Cancellation, {
  /**
   * Cancels an order of the user. Returns it as it is after the cancel or, with a wait, once it is
   * final or the wait is over. A repeated cancel gets the same answer. Fails with a 404 Problem
   * when the user has no such order, a 409 Problem when the order is decided for another reason, a
   * 503 Problem when too many cancels wait, and a 429 Problem when the user waits for too many
   * answers.
   */
  readonly cancel: (
    username: string,
    id: OrderId,
    wait?: Wait,
  ) => Effect.Effect<Answered, Problem | Transient>
  /**
   * Cancels any order, for an operator, and returns it as it is after the cancel. When two callers
   * cancel it at the same time, both may be told that they did. Fails as `cancel` does.
   */
  readonly cancelAny: (id: OrderId) => Effect.Effect<CancelledAny, Problem | Transient>
}>()("unwind/orders/Cancellation") {
  static readonly layer: Layer.Layer<
    Cancellation,
    never,
    LookUps | OrderStore | Register | Waits
  > = Layer.effect(
    Cancellation,
    Effect.gen(function* () {
      const { find, findAny } = yield* LookUps
      const { whenFinal } = yield* Waits
      const abort = yield* abortBatches
      const cancelNow = Effect.fnUntraced(function* <E>(look: Effect.Effect<Order, E>) {
        const found = yield* look
        const isOpen = found.status === "pending"
        if (isOpen) yield* abort(found.id)
        const order = isOpen ? yield* look : found
        if (order.reason !== orderCancelled) return yield* tooLate(order)
        return { order, before: !isOpen }
      })
      return Cancellation.of({
        cancel: Effect.fnUntraced(function* (username, id, wait) {
          const cancelling = Effect.map(
            cancelNow(find(username, id)),
            ({ order }) => ({ order, replayed: false }),
          )
          if (wait !== undefined) return yield* whenFinal(id, username, cancelling, wait)
          return { ...(yield* cancelling), waited: false }
        }),
        cancelAny: (id) => cancelNow(findAny(id)),
      })
    }),
  )
}

/**
 * The limits of cancels that wait to be recorded; the same as for look-ups, which use the same
 * database.
 */
const mostWaiting = 5_000
const longestWaitMs = 10_000

/** Has the register abort orders, in batches. An order that is already decided stays as it is. */
const abortBatches = Effect.gen(function* () {
  const { query } = yield* OrderStore
  const { decide } = yield* Register
  return yield* groupCommit<OrderId, void, Problem | Transient>({
    max: 500,
    waiting: { most: mostWaiting, longestMs: longestWaitMs, full: tooMany },
    run: Effect.fnUntraced(function* (given) {
      const ids = [...new Set(given)]
      yield* decide(ids.map((orderId) => ({
        orderId,
        decision: "abort",
        reason: orderCancelled,
        timeline: [],
      })))
      // The abort is recorded and the sweeper gets to the order anyway, so a failure here is
      // ignored.
      const now = new Date(yield* Clock.currentTimeMillis)
      yield* Effect.ignore(query((orders) => orders.makeDue(ids, now)))
      return given.map(() => undefined)
    }),
  })
})

const stands = {
  pending: "not decided",
  completed: "completed",
  compensating: "being undone",
  failed: "failed",
}

const tooLate = ({ status, reason }: Order) =>
  new Problem({
    status: 409,
    code: "order_already_decided",
    state: status,
    detail: `The order is ${stands[status]}${
      reason === null ? "" : ` (${reason})`
    }, so it cannot be cancelled any more. Nothing was changed.`,
  })

const tooMany = new Problem({
  status: 503,
  code: "overloaded",
  detail: "Too many orders are being cancelled, so this one was not. Try again in a few seconds.",
  headers: { "retry-after": "5" },
})
