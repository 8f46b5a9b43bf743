/**
 * What operators read from the console, below /api/console/. Of an answer that combines several
 * services, the parts of a service that does not answer are null or left out, and `unavailable`
 * names the service and the cause.
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

/** A service that did not answer, and why. */
export const Away = Schema.Struct({
  service: Schema.Literals(serviceNames),
  message: Schema.String,
}).annotate({ identifier: "Away" })
export type Away = typeof Away.Type

/** The services that did not answer. */
export const unavailable = Schema.Array(Away)

/** The state of a service; of several replicas, the one that received the request. */
export const ServiceState = Schema.Struct({
  service: Schema.Literals(serviceNames),
  state: Schema.Literals(["ready", "not ready", "unreachable"]),
  /** Why it is not ready. */
  message: Schema.optionalKey(Schema.String),
}).annotate({ identifier: "ServiceState" })
export type ServiceState = typeof ServiceState.Type

/** How many groups of stuck sagas there are, and how many orders the first 100 groups have. */
const StuckCount = Schema.Struct({ groups: Schema.Int, orders: Schema.Int })

/**
 * How many waves one orchestrator has run since it started, and how many orders they had in total.
 */
const Batches = Schema.Struct({ waves: Schema.Int, orders: Schema.Int })

/**
 * GET /api/console/overview, and the event `overview` of GET /api/console/events, which is sent
 * every second.
 */
export const Overview = Schema.Struct({
  services: Schema.Array(ServiceState),
  queue: Schema.NullOr(QueueState),
  orders: Schema.NullOr(OrderCounts),
  stuck: Schema.NullOr(StuckCount),
  /** Without the findings (GET /api/console/audit). */
  audit: Schema.NullOr(AuditState.mapFields(({ findings: _, ...verdict }) => verdict)),
  batches: Schema.NullOr(Batches),
  unavailable,
  /** When the services were asked (ISO 8601). */
  at: Schema.String,
}).annotate({ identifier: "Overview" })
export type Overview = typeof Overview.Type

// Other routes pass on the answer of one service. While it does not answer, they answer with a 503
// Problem that has the code `service_away` and names the service. Below /api/console:
//
// GET  /orders                          OrderSearchQuery -> OrderSearchPage (order-search.ts)
// GET  /orders/:id, /orders/:id/events  OneOrder (console-orders.ts)
// GET  /stuck                           StuckGroups (saga.ts)
// GET  /sagas                           SagaQuery -> SagaPage (saga.ts)
// GET  /dead-letters                    LetterQuery -> LetterPage (queue.ts)
// GET  /queue                           QueueState (queue.ts)
// GET  /stock/:participant              StockQuery -> StockPage (stock.ts)
// GET  /stock/:participant/adjustments  AdjustmentQuery -> AdjustmentPage (stock.ts)
// GET  /audit                           AuditState (audit.ts)
// POST /orders/:id/cancel               CancelRequest -> CancelResponse (order-search.ts)
// POST /retry                           RetryRequest -> RetryResponse (saga.ts)
// POST /dead-letters/redrive            LettersRequest -> RedriveResponse (queue.ts)
// POST /dead-letters/discard            LettersRequest -> DiscardResponse (queue.ts)
// POST /stock/:participant/adjustments  NewAdjustment, Idempotency-Key -> 201 Adjustment (stock.ts)
// POST /audit/heal                      HealRequest -> HealResponse (audit.ts)
