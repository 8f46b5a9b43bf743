/**
 * Searches the orders of all users, for operators, newest first. The most selective part of a
 * search selects, by an index, the orders to examine; the rest of it is compared. Their number for
 * a page is limited, so no search takes long, however many orders there are and however few match.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { orderCancelled } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type {
  OrderSearchPage,
  OrderSearchQuery,
  WholeOrder,
} from "#shared/contracts/order-search.ts"
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
  /** The newest orders that match, older than `after` if it is given. */
  readonly page: (query: OrderSearchQuery) => Effect.Effect<OrderSearchPage, Transient>
  /** Everything on record about one order. Fails with a 404 Problem when there is none. */
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
  // First, so that an order that becomes final in between is found twice rather than never.
  const open = unfinished ? yield* selectUnfinished(sql, search, limit) : []
  const walks = yield* Effect.forEach(
    open === undefined ? otherwise : by,
    (condition) => selectWalk(sql, condition, search, limit),
  )
  const orders = walks.flatMap((walk) => walk.orders)
  // Orders older than where a walk stopped may be incomplete, so they are left for the next page.
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
