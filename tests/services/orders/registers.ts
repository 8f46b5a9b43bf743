/**
 * The registers of three replicas on one real database, shared by the tests of a file, and
 * decisions for them.
 */
import { afterAll, beforeAll } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { join } from "node:path"
import type { Sql } from "postgres"
import { orderStoreLayer } from "#services/orders/orders-sql.ts"
import { Register } from "#services/orders/register.ts"
import type { Decision } from "#shared/contracts/decision.ts"
import type {
  OrderStatus,
  StuckCompensation,
  TimelineEntry,
} from "#shared/contracts/order-state.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { noChanges } from "#tests/instruments/simulation/no-changes.ts"
import { clientOf, databaseOf } from "./running-orders.ts"

/** Direct access to the database. */
export let sql: Sql
export let registers: ReadonlyArray<Register["Service"]>

/** Starts the registers before the tests of a file, and stops them after. */
export const useRegisters = (): void => {
  const scope = Scope.makeUnsafe()
  beforeAll(() =>
    Effect.gen(function* () {
      const url = yield* databaseOf("register")
      const replica = Register.layer.pipe(
        Layer.provide([orderStoreLayer, noChanges]),
        Layer.provide(databaseLayer({
          service: "orders",
          url: new URL(url),
          poolSize: 4,
          migrations: join(import.meta.dirname, "../../../services/orders/migrations"),
        })),
      )
      registers = yield* Effect.replicateEffect(
        Effect.map(Layer.build(replica), (context) => Context.get(context, Register)),
        3,
      )
      sql = yield* clientOf(url)
    }).pipe(Scope.provide(scope), Effect.runPromise)
  )
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
}

export interface Row {
  readonly id: string
  readonly status: OrderStatus
  readonly reason: string | null
  readonly decided_at: Date | null
  readonly publish_at: Date | null
  readonly timeline: ReadonlyArray<TimelineEntry>
  readonly stuck: StuckCompensation | null
}

/** New orders that are pending. */
export const pendingOrders = (count: number): Effect.Effect<ReadonlyArray<OrderId>> =>
  Effect.promise(async () => {
    const ids = Array.from({ length: count }, () => OrderId.make(crypto.randomUUID()))
    await sql`
      insert into orders (id, username, amount, details, steps, created_at, publish_at)
      select id, 'ann', 100, '{"item":1,"slot":"09:00"}', '["money","item","slot"]', now(), now()
      from unnest(${ids}::uuid[]) id`
    return ids
  })

export const rowsOf = (ids: ReadonlyArray<string>): Effect.Effect<ReadonlyMap<string, Row>> =>
  Effect.promise(async () => {
    const rows = await sql<Array<Row>>`select * from orders where id = any(${[...ids]}::uuid[])`
    return new Map(rows.map((row) => [row.id, row]))
  })

export const rowOf = (id: string) => Effect.map(rowsOf([id]), (rows) => rows.get(id)!)

let tags = 0
/** A timeline whose duration is the tag of the decision that brings it. */
const timelineOf = (tag: number): ReadonlyArray<TimelineEntry> => [{
  step: "money",
  action: "reserve",
  outcome: "reserved",
  attempts: 1,
  at: "2026-01-02T03:04:05.678Z",
  durationMs: tag,
}]
export const tagsOf = ({ timeline }: Pick<Row, "timeline">) =>
  timeline.map(({ durationMs }) => durationMs)

export const complete = (orderId: OrderId): Decision => ({
  orderId,
  decision: "complete",
  timeline: timelineOf(++tags),
})
export const abort = (orderId: OrderId): Decision => ({
  orderId,
  decision: "abort",
  reason: "Not enough money",
  timeline: timelineOf(++tags),
})
export const settle = (orderId: OrderId): Decision => ({
  orderId,
  decision: "settle",
  timeline: timelineOf(++tags),
})
export const ask = (orderId: OrderId): Decision => ({ orderId, decision: "ask", timeline: [] })
export const stuck: StuckCompensation = {
  step: "item",
  cause: "items did not answer",
  attempts: 3,
  nextAttemptAt: "2026-01-02T03:04:05.678Z",
}
export const tellStuck = (orderId: OrderId): Decision => ({
  orderId,
  decision: "abort",
  timeline: [],
  stuck,
})
