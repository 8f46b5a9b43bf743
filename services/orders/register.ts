/**
 * The decision register: the commit point of every saga. Each decision is a conditional update, so
 * the first one wins; the answer is the state that holds now. A final order never changes.
 */
import { Clock, Context, Effect, Layer, Metric } from "effect"
import type { Decided, Decision } from "#shared/contracts/decision.ts"
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { failpoint } from "#shared/failpoint.ts"
import type { LastStatements } from "#shared/postgres/store.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { batchAttributes, withinSpan } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { Changes } from "./changes.ts"
import { isFinal, type Order } from "./order.ts"
import { OrderStore, type OrderTable, type StatusChange } from "./order-table.ts"

/** The status that a decision gives to an order; `undefined` leaves the order as it is. */
export const transition = (status: OrderStatus, decision: Decision): OrderStatus | undefined => {
  switch (decision.decision) {
    case "ask":
      return undefined
    case "complete":
      return status === "pending" ? "completed" : undefined
    case "abort":
      if (status === "pending") return "compensating"
      return status === "compensating" && decision.stuck !== undefined ? "compensating" : undefined
    case "settle":
      return status === "compensating" ? "failed" : undefined
  }
}

export class Register extends Context.Service<Register, {
  /**
   * Records the decisions one after another, in one transaction, and returns the states that hold
   * then.
   */
  readonly decide: (
    decisions: ReadonlyArray<Decision>,
  ) => Effect.Effect<ReadonlyArray<Decided>, Transient>
}>()("unwind/orders/Register") {
  static readonly layer: Layer.Layer<Register, never, OrderStore | Changes> = Layer.effect(
    Register,
    Effect.gen(function* () {
      const { transaction } = yield* OrderStore
      const { watched, tell } = yield* Changes
      yield* fromTheStart([decided.completed, decided.failed])
      return Register.of({
        decide: Effect.fnUntraced(function* (decisions) {
          const ids = [...new Set(decisions.map(({ orderId }) => orderId))]
          const now = new Date(yield* Clock.currentTimeMillis)
          const decide = transaction((orders, last) =>
            decideIn(orders, last, { ids, decisions, now, watched: watched(ids) })
          )
          const { answers, ends, final, seen } = yield* withinSpan(decide, "decide", {
            attributes: batchAttributes(decisions),
          })
          yield* tell(seen, final)
          yield* failpoint("orders.decided")
          yield* countEnds(ends)
          return answers
        }),
      })
    }),
  )
}

interface Batch {
  readonly ids: ReadonlyArray<OrderId>
  readonly decisions: ReadonlyArray<Decision>
  readonly now: Date
  /** The orders that callers wait for, to be read after the change. */
  readonly watched: ReadonlyArray<OrderId>
}

const decideIn = Effect.fnUntraced(
  function* (orders: OrderTable, last: LastStatements, batch: Batch) {
    const { ids, decisions, now, watched } = batch
    yield* failpoint("orders.before decision")
    const ends = { completed: 0, failed: 0 }
    let changed = 0
    const change = (round: Round) =>
      Effect.map(orders.changeStatuses([...round.values()], now), (counts) => {
        for (const [status, count] of counts) {
          changed += count
          if (status === "completed" || status === "failed") ends[status] += count
        }
      })
    // Usually all orders have the statuses that the decisions expect. The update itself confirms
    // it, so no statement needs to look before.
    const usual = changesOf(decisions, usualStatuses(decisions))
    const [first] = usual.rounds
    if (first?.size === decisions.length) yield* change(first)
    const isDone = changed === decisions.length
    const { answers, rounds }: ReturnType<typeof changesOf> = isDone
      ? { answers: usual.answers, rounds: [] }
      : changesOf(decisions, yield* orders.lockStatuses(ids))
    // If nothing has changed so far, the first round has every order that changes.
    const changing = changed > 0 ? ids : [...rounds[0]?.keys() ?? []]
    const final = answers.filter(isFinal).map(({ orderId }) => orderId)
    let seen: Iterable<Order> = []
    yield* last([
      ...rounds.map(change),
      ...(changing.length === 0 ? [] : [orders.notify(changing, new Set(final))]),
      ...(watched.length === 0 ? [] : [
        Effect.map(orders.find(watched), (found) => {
          seen = found.values()
        }),
      ]),
    ])
    return { answers, seen, ends, final }
  },
)

const usualStatuses = (decisions: ReadonlyArray<Decision>): ReadonlyMap<OrderId, OrderStatus> =>
  new Map(decisions.map(({ orderId, decision }) => [
    orderId,
    decision === "settle" ? "compensating" : "pending",
  ]))

/** Changes, one of each order. */
type Round = ReadonlyMap<OrderId, StatusChange>

/** Applies the decisions, one after another, to orders with these statuses. */
const changesOf = (
  decisions: ReadonlyArray<Decision>,
  given: ReadonlyMap<OrderId, OrderStatus>,
) => {
  const statuses = new Map(given)
  const rounds: Array<Map<OrderId, StatusChange>> = []
  const answers = decisions.map((decision): Decided => {
    const { orderId, reason, timeline, stuck } = decision
    const before = statuses.get(orderId)
    if (before === undefined) return { orderId, status: "unknown" }
    const status = transition(before, decision)
    if (status === undefined) return { orderId, status: before }
    statuses.set(orderId, status)
    // A statement changes a row only once: a second change of the same order goes to a further
    // round.
    const free = rounds.find((round) => !round.has(orderId)) ?? addRound(rounds)
    free.set(orderId, { orderId, before, status, reason, timeline, stuck })
    return { orderId, status }
  })
  return { answers, rounds }
}

const addRound = <K, V>(rounds: Array<Map<K, V>>): Map<K, V> => {
  const round = new Map<K, V>()
  rounds.push(round)
  return round
}

const decidedAs = (status: "completed" | "failed") =>
  Metric.counter("orders_decided_total", {
    description: "Orders that became final, by how they ended",
    incremental: true,
    attributes: { status },
  })
const decided = { completed: decidedAs("completed"), failed: decidedAs("failed") }

const countEnds = (ends: { readonly completed: number; readonly failed: number }) =>
  Effect.andThen(
    Metric.update(decided.completed, ends.completed),
    Metric.update(decided.failed, ends.failed),
  )
