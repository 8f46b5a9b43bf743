/** The console's routes: search orders, count them, cancel one. */
import { Effect, Schema } from "effect"
import { OrderId } from "#shared/contracts/order.ts"
import {
  CancelRequest,
  CancelResponse,
  OrderCounts,
  OrderSearchPage,
  OrderSearchQuery,
  WholeOrder,
} from "#shared/contracts/order-search.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Cancellation } from "./cancellation.ts"
import { Counts } from "./counts.ts"
import { foundOf, Search } from "./search.ts"

const params = Schema.Struct({ id: OrderId })

const reads = Effect.gen(function* () {
  const search = yield* Search
  const counts = yield* Counts
  return yield* Effect.all([
    route({
      method: "GET",
      path: "/internal/order-search",
      summary: "Search orders, newest first",
      query: OrderSearchQuery,
      answer: { status: 200, description: "A page of orders", schema: OrderSearchPage },
      handle: ({ query }) => Effect.map(search.page(query), (body) => ({ body })),
    }),
    route({
      method: "GET",
      path: "/internal/order-search/:id",
      summary: "Everything on record about one order",
      params,
      answer: { status: 200, description: "The order", schema: WholeOrder },
      problems: [404],
      handle: ({ params }) => Effect.map(search.find(params.id), (body) => ({ body })),
    }),
    route({
      method: "GET",
      path: "/internal/order-counts",
      summary: "The number of unfinished orders, those that ended in a day, and the rates",
      answer: { status: 200, description: "The counts", schema: OrderCounts },
      handle: () => Effect.map(counts.latest, (body) => ({ body })),
    }),
  ])
})

const cancel = Effect.gen(function* () {
  const { cancelAny } = yield* Cancellation
  return yield* route({
    method: "POST",
    path: "/internal/orders/:id/cancel",
    summary: "Cancel an order that is not decided",
    params,
    body: { schema: CancelRequest, maxBytes: publicBodyBytes },
    answer: {
      status: 200,
      description: "The order is cancelled, now or before; what it holds is given back",
      schema: CancelResponse,
    },
    problems: [404, 409],
    handle: Effect.fnUntraced(function* ({ body: { reason }, caller, params: { id } }) {
      const { order, before } = yield* cancelAny(id)
      const outcome = before ? "cancelled before" as const : "cancelled" as const
      // The console writes the audit trail; this log line puts the act beside its effects.
      yield* Effect.logInfo("An operator did: cancel").pipe(
        Effect.annotateLogs({ operator: caller.username, reason, orderId: id, outcome }),
      )
      return { body: { order: foundOf(order), outcome } }
    }),
  })
})

export const operatorRoutes = Effect.map(
  Effect.all([cancel, reads]),
  ([cancel, reads]) => [cancel, ...reads],
)
