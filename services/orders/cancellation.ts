/**
 * Cancels orders that are not decided, by the register: the first decision wins, so a cancel either stops an order or comes
 * too late, and never both. The saga undoes what is held: a run that is under way when the register tells it, and where there
 * is none, the one for which the sweeper publishes the order.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { orderCancelled, type OrderId } from "#shared/contracts/order.ts"
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
   * Cancels an order of the user and gives it as it is then or, with a wait, as it is when it is final or the wait is over. An
   * order that was cancelled before is given the same way. Fails with a 404 Problem when the user has no such order, with a
   * 409 Problem when it was decided before for another reason, with a 503 Problem when too many cancel, and with a 429
   * Problem when the user has too many answers wait.
   */
  readonly cancel: (
    username: string,
    id: OrderId,
    wait?: Wait,
  ) => Effect.Effect<Answered, Problem | Transient>
  /**
   * Cancels any order, for an operator, and gives it as it is then. Of two that cancel it at the same time both may be told that
   * they did. Fails as `cancel` does.
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

/** The most cancels that wait to be recorded, and how long: see the look-ups, which have the same database. */
const mostWaiting = 5_000
const longestWaitMs = 10_000

/** Has the register abort orders, many at a time; what was decided before stays as it is. */
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
      // It is aborted already, and due sooner or later: nobody has to know when this fails.
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
