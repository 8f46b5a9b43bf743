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
        handle: ({ request }) =>
          tell("orders", `/internal/order-search${queryOf(request)}`, OrderSearchPage),
      }),
      route({
        method: "GET",
        path: "/api/console/stuck",
        summary: "What sagas wait for, by step and cause, oldest order first",
        tag: "sagas",
        permit,
        answer: { status: 200, description: "The groups", schema: StuckGroups },
        problems: [429],
        handle: () => tell("orchestrator", "/internal/stuck", StuckGroups),
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
        handle: ({ request }) =>
          tell("orchestrator", `/internal/sagas${queryOf(request)}`, SagaPage),
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
        handle: () => tell("orchestrator", "/internal/queue", QueueState),
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
          tell("orchestrator", `/internal/dead-letters${queryOf(request)}`, LetterPage),
      }),
      route({
        method: "GET",
        path: "/api/console/audit",
        summary: "What the audit last found",
        tag: "audit",
        permit,
        answer: { status: 200, description: "Its verdict and findings", schema: AuditState },
        problems: [429],
        handle: () => tell("orchestrator", "/internal/audit", AuditState),
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
        problems: [404, 429],
        handle: ({ params, request }) =>
          tell(params.participant, `/internal/stock${queryOf(request)}`, StockPage),
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
        problems: [404, 429],
        handle: ({ params, request }) =>
          tell(params.participant, `/internal/adjustments${queryOf(request)}`, AdjustmentPage),
      }),
    ])
  })

/** Asks one service, of which nobody else knows what is asked for. */
const told = Effect.map(
  Peers,
  ({ read }) => <A>(service: PeerName, path: string, schema: Schema.Codec<A, unknown>) =>
    read(service, { path, schema }).pipe(
      Effect.map((body) => ({ body })),
      Effect.mapError((error) => error instanceof ServiceAway ? serviceAway(error) : error),
    ),
)

/** The query as it came: it was checked by the schema of the service that is asked. */
const queryOf = ({ url }: Request): string => new URL(url).search

export const readRoutes = (permit: Permits) =>
  Effect.map(
    Effect.all([orderReads(permit), queueReads(permit), stockReads(permit)]),
    (routes) => routes.flat(),
  )
