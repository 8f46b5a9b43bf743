/**
 * Sweepers over a real database, with a queue in memory that the test controls. Times are those of
 * the test's clock.
 */
import { Context, Effect, Layer, References } from "effect"
import { join } from "node:path"
import type { Sql } from "postgres"
import { OrderStore } from "#services/orders/order-table.ts"
import { orderStoreLayer } from "#services/orders/orders-sql.ts"
import { Register } from "#services/orders/register.ts"
import { sweep, sweeperLayer } from "#services/orders/sweeper.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { makeMemoryStream } from "#shared/queue/memory-stream.ts"
import { memoryOrderQueue } from "#shared/queue/memory.ts"
import { OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { noChanges } from "#tests/instruments/simulation/no-changes.ts"
import { clientOf, databaseOf } from "./running-orders.ts"

const options = { republishAfterMs: 15_000 }

/** A database with orders, and sweepers over it. */
export const world = Effect.gen(function* () {
  const url = yield* databaseOf("sweeper")
  const replica = Effect.map(
    Layer.build(orderStoreLayer.pipe(Layer.provide(databaseLayer({
      service: "orders",
      url: new URL(url),
      poolSize: 2,
      migrations: join(import.meta.dirname, "../../../services/orders/migrations"),
    })))),
    (context) => Context.get(context, OrderStore),
  )
  const store = yield* replica
  const sql = yield* clientOf(url)
  const queue = yield* memoryOrderQueue(makeMemoryStream(10_000))
  const published: Array<OrderMessage> = []
  const record = (messages: ReadonlyArray<OrderMessage>) =>
    Effect.sync(() => void published.push(...messages))
  const given = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    { publish = record, ping = Effect.void, volatile = false, over = store }: Conduct = {},
  ) =>
    effect.pipe(
      Effect.provideService(OrderStore, over),
      Effect.provideService(OrderQueue, { ...queue, publish, ping, volatile }),
      Effect.provideService(References.MinimumLogLevel, "None"),
    )
  return {
    sql,
    replica,
    register: yield* Register.pipe(
      Effect.provide(Register.layer.pipe(Layer.provide(noChanges))),
      Effect.provideService(OrderStore, store),
    ),
    record,
    published,
    ids: () => published.map(({ orderId }) => orderId),
    /** One round of a sweeper. */
    sweep: (conduct?: Conduct) => given(sweep(options), conduct),
    /** A sweeper that runs until the scope closes. */
    start: (conduct?: Conduct) => given(Layer.build(sweeperLayer(options)), conduct),
  }
})

interface Conduct {
  readonly publish?: OrderQueue["Service"]["publish"]
  readonly ping?: OrderQueue["Service"]["ping"]
  readonly volatile?: boolean
  readonly over?: OrderStore["Service"]
}

/** Pending orders that are due `inMs` from now, by the test's clock. */
export const insert = (sql: Sql, count: number, inMs = 0) =>
  Effect.gen(function* () {
    const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
    const ids = Array.from({ length: count }, () => OrderId.make(crypto.randomUUID()))
    yield* Effect.promise(() =>
      sql`
      insert into orders
        (id, username, amount, details, steps, created_at, publish_at, traceparent)
      select id, 'ann', 1999, '{"item":1,"slot":"09:00"}', '["money","item","slot"]',
        ${new Date(now)}, ${new Date(now + inMs)}, '00-1-2-01'
      from unnest(${ids}::uuid[]) id`
    )
    return ids
  })

export const dueIn = (sql: Sql, id: string) =>
  Effect.gen(function* () {
    const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
    const [row] = yield* Effect.promise(() =>
      sql<[{ publish_at: Date; republished: number }]>`
        select publish_at, republished from orders where id = ${id}`
    )
    return { inMs: row.publish_at.getTime() - now, republished: row.republished }
  })

export const unavailable = Effect.fail(
  new QueueUnavailable({ message: "the queue is unavailable" }),
)
