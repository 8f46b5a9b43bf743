/**
 * What the console shows to operators: all that is read, under /api/console/. What comes from several services is shown as far
 * as they answer: what could not be asked is null or left out, and `unavailable` says of whom, and why.
 */
import { Schema } from "effect"
import { serviceNames } from "#shared/roster.ts"
import { AuditState } from "./audit.ts"
import { OrderCounts } from "./order-search.ts"
import { QueueState } from "./queue.ts"

/** GET /api/console/me */
export const Operator = Schema.Struct({ username: Schema.String }).annotate({
  identifier: "Operator",
})

/** A service that could not be asked, and why. */
export const Away = Schema.Struct({
  service: Schema.Literals(serviceNames),
  message: Schema.String,
}).annotate({ identifier: "Away" })
export type Away = typeof Away.Type

/** Beside what several services answered. */
export const unavailable = Schema.Array(Away)

/** How a service stands; of one with several replicas, the one that was asked. */
export const ServiceState = Schema.Struct({
  service: Schema.Literals(serviceNames),
  state: Schema.Literals(["ready", "not ready", "unreachable"]),
  /** Why it is not ready. */
  message: Schema.optionalKey(Schema.String),
}).annotate({ identifier: "ServiceState" })
export type ServiceState = typeof ServiceState.Type

/** How many sagas wait for another try, and for how many different things; no more than 100 of those are looked at. */
const StuckCount = Schema.Struct({ groups: Schema.Int, orders: Schema.Int })

/** How many waves the orchestrator that was asked has run since it started, with how many orders altogether. */
const Batches = Schema.Struct({ waves: Schema.Int, orders: Schema.Int })

/** GET /api/console/overview, and the event `overview` of GET /api/console/events, which comes every second. */
export const Overview = Schema.Struct({
  services: Schema.Array(ServiceState),
  queue: Schema.NullOr(QueueState),
  orders: Schema.NullOr(OrderCounts),
  stuck: Schema.NullOr(StuckCount),
  /** Without its findings, which GET /api/console/audit has. */
  audit: Schema.NullOr(AuditState.mapFields(({ findings: _, ...verdict }) => verdict)),
  batches: Schema.NullOr(Batches),
  unavailable,
  /** When it was looked at (ISO 8601). */
  at: Schema.String,
}).annotate({ identifier: "Overview" })
export type Overview = typeof Overview.Type

// The rest is as the service says that is asked. What only one service can tell is a 503 Problem with the code `service_away`
// and the name of the service while it is away.
//
// GET  /api/console/orders                           OrderSearchQuery -> OrderSearchPage (order-search.ts)
// GET  /api/console/orders/:id, .../:id/events       OneOrder (console-orders.ts)
// GET  /api/console/stuck                            StuckGroups (saga.ts)
// GET  /api/console/sagas                            SagaQuery -> SagaPage (saga.ts)
// GET  /api/console/dead-letters                     LetterQuery -> LetterPage (queue.ts)
// GET  /api/console/queue                            QueueState (queue.ts)
// GET  /api/console/stock/:participant               StockQuery -> StockPage (stock.ts)
// GET  /api/console/stock/:participant/adjustments   AdjustmentQuery -> AdjustmentPage (stock.ts)
// GET  /api/console/audit                            AuditState (audit.ts)
// POST /api/console/orders/:id/cancel                CancelRequest -> CancelResponse (order-search.ts)
// POST /api/console/retry                            RetryRequest -> RetryResponse (saga.ts)
// POST /api/console/dead-letters/redrive             LettersRequest -> RedriveResponse (queue.ts)
// POST /api/console/dead-letters/discard             LettersRequest -> DiscardResponse (queue.ts)
// POST /api/console/stock/:participant/adjustments   NewAdjustment -> 201 Adjustment (stock.ts), with an Idempotency-Key
// POST /api/console/audit/heal                       HealRequest -> HealResponse (audit.ts)
