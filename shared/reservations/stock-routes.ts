/** How operators see and change what is left, through the console. */
import { Effect } from "effect"
import { RecordedPage } from "#shared/contracts/audit.ts"
import {
  Adjustment,
  AdjustmentPage,
  AdjustmentQuery,
  NewAdjustment,
  RecordsRequest,
  StockPage,
  StockQuery,
} from "#shared/contracts/stock.ts"
import { neededIdempotencyKey, neededKeyHeader } from "#shared/http/idempotency-key.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Adjustments } from "./adjustments.ts"
import { Stock } from "./stock.ts"

const reads = Effect.gen(function* () {
  const stock = yield* Stock
  return yield* Effect.all([
    route({
      method: "GET",
      path: "/internal/stock",
      summary: "What is left of each resource, and what orders have taken, by name",
      query: StockQuery,
      answer: { status: 200, description: "A page of resources", schema: StockPage },
      handle: ({ query }) => Effect.map(stock.page(query), (body) => ({ body })),
    }),
    route({
      method: "GET",
      path: "/internal/adjustments",
      summary: "What operators changed of what is left, newest first",
      query: AdjustmentQuery,
      answer: { status: 200, description: "A page of the ledger", schema: AdjustmentPage },
      handle: ({ query }) => Effect.map(stock.adjustments(query), (body) => ({ body })),
    }),
    route({
      method: "POST",
      path: "/internal/records",
      summary: "What is on record of some orders, a thousand at most",
      body: { schema: RecordsRequest, maxBytes: 64 * 1024 },
      answer: {
        status: 200,
        description: "The records that there are, newest order first",
        schema: RecordedPage,
      },
      handle: ({ body }) =>
        Effect.map(stock.records(body.orderIds), (reservations) => ({ body: { reservations } })),
    }),
  ])
})

const action = Effect.gen(function* () {
  const { adjust } = yield* Adjustments
  return yield* route({
    method: "POST",
    path: "/internal/adjustments",
    summary: "Change what is left of a resource: a restock, another capacity, a credit",
    headers: neededKeyHeader,
    body: { schema: NewAdjustment, maxBytes: publicBodyBytes },
    answer: {
      status: 201,
      description: "The adjustment, made now or before with the same key",
      schema: Adjustment,
      headers: { "Idempotent-Replayed": "true: it was made before, with the same Idempotency-Key" },
    },
    problems: [404, 409, 422],
    handle: Effect.fnUntraced(function* ({ body, caller, request }) {
      const { adjustment, replayed } = yield* adjust({
        ...body,
        operator: caller.username,
        idempotencyKey: yield* neededIdempotencyKey(request),
      })
      return { body: adjustment, headers: { ...(replayed && { "idempotent-replayed": "true" }) } }
    }),
  })
})

/** The routes, over the participant's own tables. */
export const stockRoutes = Effect.map(
  Effect.all([action, reads]),
  ([action, reads]) => [action, ...reads],
)
