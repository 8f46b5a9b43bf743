/**
 * What orders gives the audit: GET /internal/orders and /internal/orders/unfinished, for the
 * orchestrator only.
 */
import { Effect } from "effect"
import { AuditedOrderPage, PageQuery, Unfinished } from "#shared/contracts/audit.ts"
import { route } from "#shared/http/route.ts"
import { AuditedOrders } from "./audited-orders.ts"

export const orderAuditRoutes = Effect.gen(function* () {
  const audited = yield* AuditedOrders
  return yield* Effect.all([
    route({
      method: "GET",
      path: "/internal/orders",
      summary: "Orders with their status, newest first",
      query: PageQuery,
      answer: { status: 200, description: "A page of orders", schema: AuditedOrderPage },
      handle: ({ query }) => Effect.map(audited.page(query), (orders) => ({ body: { orders } })),
    }),
    route({
      method: "GET",
      path: "/internal/orders/unfinished",
      summary: "The oldest unfinished order, and the number of unfinished orders",
      answer: { status: 200, description: "The unfinished orders", schema: Unfinished },
      handle: () => Effect.map(audited.unfinished, (body) => ({ body })),
    }),
  ])
})
