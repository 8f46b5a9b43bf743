/** How operators search and cancel orders, through the console. */
import { Schema } from "effect"
import {
  FailureReason,
  OrderDetails,
  OrderStatus,
  OrderView,
  StepName,
  Steps,
  StuckCompensation,
} from "./order-state.ts"
import { ItemId, OrderId, SlotTime } from "./order.ts"
import { Resource } from "./reservation.ts"
import { OperatorReason } from "./text.ts"

/** An order's status, or stuck: compensating, with a stuck compensation. */
export const SearchedStatus = Schema.Literals([...OrderStatus.literals, "stuck"])

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u
const someUuid = "00000000-0000-0000-0000-000000000000"
const beginning = { expected: "the beginning of an order's id, in lower case" }

/** The beginning of an order's id, or the whole id. */
export const IdBeginning = Schema.String.check(
  Schema.isPattern(/^[0-9a-f-]{1,36}$/u, beginning),
  Schema.makeFilter((text) => uuid.test(text + someUuid.slice(text.length)), beginning),
)

const instant = { expected: "a time with its zone, such as 2026-01-31T12:00:00Z" }

/** An instant in the format of ISO 8601, with its zone. */
export const Instant = Schema.String.check(
  Schema.isPattern(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/u,
    instant,
  ),
  Schema.makeFilter((text) => !Number.isNaN(Date.parse(text)), instant),
)

/** The most orders in a page. */
export const maxFound = 500

/** GET /internal/order-search: the orders that match every given field, newest first. */
export const OrderSearchQuery = Schema.Struct({
  status: Schema.optionalKey(SearchedStatus),
  username: Schema.optionalKey(Resource),
  item: Schema.optionalKey(Schema.NumberFromString.pipe(Schema.decodeTo(ItemId))),
  slot: Schema.optionalKey(SlotTime),
  reason: Schema.optionalKey(FailureReason),
  /** The step that rejected the order, or where its compensation is stuck. */
  step: Schema.optionalKey(StepName),
  /** Placed before `placedBefore`, and at or after `placedAfter`. */
  placedBefore: Schema.optionalKey(Instant),
  placedAfter: Schema.optionalKey(Instant),
  id: Schema.optionalKey(IdBeginning),
  /** Only orders that are older than this one. */
  after: Schema.optionalKey(OrderId),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: 1, maximum: maxFound }),
    ),
  ),
})
export type OrderSearchQuery = typeof OrderSearchQuery.Type

export const FoundOrder = Schema.Struct({
  ...OrderView.fields,
  stuck: Schema.NullOr(StuckCompensation),
}).annotate({ identifier: "FoundOrder" })
export type FoundOrder = typeof FoundOrder.Type

/**
 * `next` is the `after` of the next page, and null only on the last page. A page may be short, or
 * even empty, since only a limited number of orders is scanned for each.
 */
export const OrderSearchPage = Schema.Struct({
  orders: Schema.Array(FoundOrder),
  next: Schema.NullOr(OrderId),
}).annotate({ identifier: "OrderSearchPage" })
export type OrderSearchPage = typeof OrderSearchPage.Type

/** GET /internal/order-search/:id: everything on record about an order. */
export const WholeOrder = Schema.Struct({
  ...OrderDetails.fields,
  /** The steps of the saga when the order was accepted: its version. */
  steps: Steps,
  /** Whether its customer or an operator cancelled it in time. */
  cancelled: Schema.Boolean,
  /** Null when the order was not traced. */
  traceId: Schema.NullOr(Schema.String),
  /** How often it was put on the queue again. */
  republished: Schema.Int,
  /** When it is next put on the queue, unless it is final by then. Null when it is final. */
  republishAt: Schema.NullOr(Schema.String),
}).annotate({ identifier: "WholeOrder" })
export type WholeOrder = typeof WholeOrder.Type

/** The most orders that are counted among those that are not final. */
export const mostCounted = 100_000

/** How far back final orders are counted. */
export const countedHours = 24

/** GET /internal/order-counts: of all replicas together. */
export const OrderCounts = Schema.Struct({
  /** Pending and compensating orders; of the latter, those with a stuck compensation. */
  pending: Schema.Int,
  compensating: Schema.Int,
  stuck: Schema.Int,
  /**
   * Whether at least `mostCounted` orders are not final. Then these three counts, and the oldest,
   * cover only that many.
   */
  areMore: Schema.Boolean,
  /** How long the oldest pending order has been pending; null when there is none. */
  oldestPendingMs: Schema.NullOr(Schema.Int),
  /**
   * Exact numbers of orders that became final in the last `countedHours`, and why orders failed,
   * most frequent reason first.
   */
  completed: Schema.Int,
  failed: Schema.Int,
  reasons: Schema.Array(Schema.Struct({ reason: FailureReason, count: Schema.Int })),
  /**
   * Means over the last minute. Under very high load, `placed` covers only the end of that minute.
   */
  perSecond: Schema.Struct({
    placed: Schema.Finite,
    completed: Schema.Finite,
    failed: Schema.Finite,
  }),
  /**
   * When it was counted, by the clock of the orders service: about a second ago, or longer when
   * counting is slow.
   */
  at: Schema.String,
}).annotate({ identifier: "OrderCounts" })
export type OrderCounts = typeof OrderCounts.Type

/** POST /internal/orders/:id/cancel. */
export const CancelRequest = Schema.Struct({ reason: OperatorReason }).annotate({
  identifier: "CancelRequest",
})

/** The result of a cancel. Two concurrent cancels may both get `cancelled`. */
export const CancelResponse = Schema.Struct({
  order: FoundOrder,
  outcome: Schema.Literals(["cancelled", "cancelled before"]),
}).annotate({ identifier: "CancelResponse" })
export type CancelResponse = typeof CancelResponse.Type
