/**
 * The decision register: the commit point of every saga. The first decision wins, each is a conditional update, and the
 * answer is the state that holds now. A final order never changes again.
 */
import { Clock, Context, Effect, Layer, Metric } from "effect"
import type { Decided, Decision } from "#shared/contracts/decision.ts"
import type { OrderId, OrderStatus } from "#shared/contracts/order.ts"
import { Database, type Transaction } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import { changesChannel } from "./changes.ts"

/** What a decision makes of an order's status; `undefined` leaves the order as it is. */
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
  /** Records the decisions one after another, in one transaction, and answers with the states that hold then. */
  readonly decide: (
    decisions: ReadonlyArray<Decision>,
  ) => Effect.Effect<ReadonlyArray<Decided>, Transient>
}>()("unwind/orders/Register") {
  static readonly layer: Layer.Layer<Register, never, Database> = Layer.effect(
    Register,
    Effect.map(Database, ({ transaction }) =>
      Register.of({
        decide: Effect.fnUntraced(function* (decisions) {
          const now = new Date(yield* Clock.currentTimeMillis)
          const { answers, changes } = yield* transaction((sql) => decideIn(sql, decisions, now))
          yield* countEnds(changes)
          return answers
        }),
      })),
  )
}

interface Change {
  readonly decision: Decision
  readonly status: OrderStatus
}

const decideIn = async (sql: Transaction, decisions: ReadonlyArray<Decision>, now: Date) => {
  const ids = [...new Set(decisions.map(({ orderId }) => orderId))]
  const rows = await sql<Array<{ id: OrderId; status: OrderStatus }>>`
    select id, status from orders where id = any(${ids}::uuid[]) order by id for update`
  const statuses = new Map(rows.map(({ id, status }) => [id, status]))
  const rounds: Array<Map<OrderId, Change>> = []
  const answers = decisions.map((decision): Decided => {
    const { orderId } = decision
    const before = statuses.get(orderId)
    if (before === undefined) return { orderId, status: "unknown" }
    const status = transition(before, decision)
    if (status === undefined) return { orderId, status: before }
    statuses.set(orderId, status)
    // One statement changes a row once: a second change of the same order belongs to a statement of its own.
    const free = rounds.find((round) => !round.has(orderId)) ?? addRound(rounds)
    free.set(orderId, { decision, status })
    return { orderId, status }
  })
  for (const round of rounds) await write(sql, [...round.values()], now)
  return { answers, changes: rounds.flatMap((round) => [...round.values()]) }
}

const addRound = <K, V>(rounds: Array<Map<K, V>>): Map<K, V> => {
  const round = new Map<K, V>()
  rounds.push(round)
  return round
}

const write = async (sql: Transaction, changes: ReadonlyArray<Change>, now: Date) => {
  const decisions = changes.map(({ decision }) => decision)
  await Promise.all([
    sql`
      update orders set status = change.status, reason = coalesce(orders.reason, change.reason),
        timeline = orders.timeline || change.timeline::jsonb, stuck = change.stuck::jsonb,
        decided_at = case when change.status <> 'compensating' then ${now}::timestamptz end,
        publish_at = case when change.status = 'compensating' then orders.publish_at end
      from unnest(
        ${decisions.map(({ orderId }) => orderId)}::uuid[],
        ${changes.map(({ status }) => status)}::text[],
        ${decisions.map(({ reason }) => reason ?? null)}::text[],
        ${decisions.map(({ timeline }) => JSON.stringify(timeline))}::text[],
        ${decisions.map(({ stuck }) => stuck ? JSON.stringify(stuck) : null)}::text[]
      ) as change (id, status, reason, timeline, stuck)
      where orders.id = change.id`,
    notify(sql, decisions.map(({ orderId }) => orderId)),
  ])
}

// A notification holds less than 8,000 bytes.
const idsInNotification = 200

const notify = async (sql: Transaction, ids: ReadonlyArray<string>) => {
  for (let at = 0; at < ids.length; at += idsInNotification) {
    await sql`select pg_notify(${changesChannel}, ${
      ids.slice(at, at + idsInNotification).join(",")
    })`
  }
}

const decided = Metric.counter("orders_decided_total", {
  description: "Orders that became final, by how they ended",
  incremental: true,
})

const countEnds = (changes: ReadonlyArray<Change>) =>
  Effect.forEach(
    changes.filter(({ status }) => status === "completed" || status === "failed"),
    ({ status }) => Metric.update(Metric.withAttributes(decided, { status }), 1),
    { discard: true },
  )
