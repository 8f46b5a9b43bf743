/**
 * Orders as operators look for them: by whatever is known of them, newest first, whosesoever they are. The most telling part
 * of a search leads, by an index, to the orders that are looked at; the rest of it is compared. Only so many are looked at
 * for a page, so that no search takes long, however many orders there are and however few are meant.
 */
import { Context, Effect, Layer, Schema } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import type {
  OrderSearchPage,
  OrderSearchQuery,
  WholeOrder,
} from "#shared/contracts/order-search.ts"
import { orderCancelled } from "#shared/contracts/order.ts"
import type { Problem } from "#shared/http/problem.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import { traceIdOf } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { noSuchOrder } from "./look-ups.ts"
import { detailsOf, Order, viewOf } from "./order.ts"
import { columns } from "./orders-sql.ts"
import { type Found, leadOf, selectUnfinished, selectWalk } from "./search-sql.ts"

export class Search extends Context.Service<Search, {
  /** The newest orders that are meant, those behind `after` when it is given. */
  readonly page: (query: OrderSearchQuery) => Effect.Effect<OrderSearchPage, Transient>
  /** All that is on record of one order. Fails with a 404 Problem when there is none. */
  readonly find: (id: OrderId) => Effect.Effect<WholeOrder, Problem | Transient>
}>()("unwind/orders/Search") {
  static readonly layer: Layer.Layer<Search, never, Database> = Layer.effect(
    Search,
    Effect.map(Database, ({ query }) =>
      Search.of({
        page: (search) => query((sql) => pageOf(sql, search)),
        find: (id) =>
          Effect.flatMap(
            query((sql) => selectWhole(sql, id)),
            (order) => order === undefined ? Effect.fail(noSuchOrder) : Effect.succeed(order),
          ),
      })),
  )
}

const usualPage = 100

const pageOf = Effect.fnUntraced(function* (sql: Sql, search: OrderSearchQuery) {
  const limit = search.limit ?? usualPage
  const { unfinished, by, otherwise } = leadOf(search)
  // Before the others: what becomes final in between is found twice, and not never.
  const open = unfinished ? yield* selectUnfinished(sql, search, limit) : []
  const walks = yield* Effect.forEach(
    open === undefined ? otherwise : by,
    (condition) => selectWalk(sql, condition, search, limit),
  )
  const orders = walks.flatMap((walk) => walk.orders)
  // What is older than where one of them stopped may not be all that there is.
  const upTo = walks.flatMap((walk) => walk.upTo ?? []).toSorted().at(-1)
  const all = new Map([...open ?? [], ...orders].map((order) => [order.id, order]))
  const newest = [...all.values()]
    .filter(({ id }) => upTo === undefined || id >= upTo)
    .toSorted((a, b) => a.id < b.id ? 1 : -1)
  const page: OrderSearchPage = {
    orders: newest.slice(0, limit).map(foundOf),
    next: newest.length > limit ? newest[limit - 1]!.id : upTo ?? null,
  }
  return page
})

/** The order as a search shows it. */
export const foundOf = (order: Found) => ({ ...viewOf(order), stuck: order.stuck })

const Whole = Schema.Struct({ ...Order.fields, publishAt: Schema.NullOr(Schema.Date) })

const selectWhole = (sql: Sql, id: OrderId): Effect.Effect<WholeOrder | undefined> =>
  Effect.map(
    sql.row(Whole)`
      select ${columns(sql)}, publish_at as "publishAt" from orders where id = ${id}`,
    (order) =>
      order && {
        ...detailsOf(order),
        steps: order.steps,
        cancelled: order.reason === orderCancelled,
        traceId: traceIdOf(order.traceparent) ?? null,
        republished: order.republished,
        republishAt: order.publishAt?.toISOString() ?? null,
      },
  )
