/** What one service tells: the console asks it as it was asked, and tells operators what it heard. */
import { Effect, type Schema } from "effect"
import { AuditState } from "#shared/contracts/audit.ts"
import { ParticipantParams } from "#shared/contracts/console-stock.ts"
import { OrderSearchPage, OrderSearchQuery } from "#shared/contracts/order-search.ts"
import { LetterPage, LetterQuery, QueueState } from "#shared/contracts/queue.ts"
import { SagaPage, SagaQuery, StuckGroups } from "#shared/contracts/saga.ts"
import { AdjustmentPage, AdjustmentQuery, StockPage, StockQuery } from "#shared/contracts/stock.ts"
import { route } from "#shared/http/route.ts"
import type { Permits } from "./admission.ts"
import { type PeerName, Peers, ServiceAway, serviceAway } from "./peers.ts"

const orderReads = (permit: Permits) =>
  Effect.gen(function* () {
    const tell = yield* told
    return yield* Effect.all([
      route({
        method: "GET",
        path: "/api/console/orders",
        summary: "Orders, newest first",
        tag: "orders",
        permit,
        query: OrderSearchQuery,
        answer: { status: 200, description: "A page of orders", schema: OrderSearchPage },
        problems: [429],
        handle: ({ request }) => tell("orders", "/internal/order-search", OrderSearchPage, request),
      }),
      route({
        method: "GET",
        path: "/api/console/stuck",
        summary: "What sagas wait for, by step and cause, oldest order first",
        tag: "sagas",
        permit,
        answer: { status: 200, description: "The groups", schema: StuckGroups },
        problems: [429],
        handle: ({ request }) => tell("orchestrator", "/internal/stuck", StuckGroups, request),
      }),
      route({
        method: "GET",
        path: "/api/console/sagas",
        summary: "Sagas that failed a try, oldest order first",
        tag: "sagas",
        permit,
        query: SagaQuery,
        answer: { status: 200, description: "A page of sagas", schema: SagaPage },
        problems: [429],
        handle: ({ request }) => tell("orchestrator", "/internal/sagas", SagaPage, request),
      }),
    ])
  })

const queueReads = (permit: Permits) =>
  Effect.gen(function* () {
    const tell = yield* told
    return yield* Effect.all([
      route({
        method: "GET",
        path: "/api/console/queue",
        summary: "How long the order queue is, and how old",
        tag: "queue",
        permit,
        answer: { status: 200, description: "The order queue", schema: QueueState },
        problems: [429],
        handle: ({ request }) => tell("orchestrator", "/internal/queue", QueueState, request),
      }),
      route({
        method: "GET",
        path: "/api/console/dead-letters",
        summary: "Dead letters, oldest first",
        tag: "queue",
        permit,
        query: LetterQuery,
        answer: { status: 200, description: "A page of dead letters", schema: LetterPage },
        problems: [429],
        handle: ({ request }) =>
          tell("orchestrator", "/internal/dead-letters", LetterPage, request),
      }),
      route({
        method: "GET",
        path: "/api/console/audit",
        summary: "What the audit last found",
        tag: "audit",
        permit,
        answer: { status: 200, description: "Its verdict and findings", schema: AuditState },
        problems: [429],
        handle: ({ request }) => tell("orchestrator", "/internal/audit", AuditState, request),
      }),
    ])
  })

const stockReads = (permit: Permits) =>
  Effect.gen(function* () {
    const tell = yield* told
    return yield* Effect.all([
      route({
        method: "GET",
        path: "/api/console/stock/:participant",
        summary: "What is left of each account, item or slot, and what orders have taken, by name",
        tag: "stock",
        permit,
        params: ParticipantParams,
        query: StockQuery,
        answer: { status: 200, description: "A page of resources", schema: StockPage },
        problems: [429],
        handle: ({ params, request }) =>
          tell(params.participant, "/internal/stock", StockPage, request),
      }),
      route({
        method: "GET",
        path: "/api/console/stock/:participant/adjustments",
        summary: "What operators changed of what is left, newest first",
        tag: "stock",
        permit,
        params: ParticipantParams,
        query: AdjustmentQuery,
        answer: { status: 200, description: "A page of the ledger", schema: AdjustmentPage },
        problems: [429],
        handle: ({ params, request }) =>
          tell(params.participant, "/internal/adjustments", AdjustmentPage, request),
      }),
    ])
  })

/** Asks one service what the request asks, with its query as it came: it was checked by the same schema. */
const told = Effect.map(
  Peers,
  ({ read }) =>
  <A>(service: PeerName, path: string, schema: Schema.Codec<A, unknown>, request: Request) =>
    read(service, { path: `${path}${new URL(request.url).search}`, schema }).pipe(
      Effect.map((body) => ({ body })),
      Effect.mapError((error) => error instanceof ServiceAway ? serviceAway(error) : error),
    ),
)

export const readRoutes = (permit: Permits) =>
  Effect.map(
    Effect.all([orderReads(permit), queueReads(permit), stockReads(permit)]),
    (routes) => routes.flat(),
  )
