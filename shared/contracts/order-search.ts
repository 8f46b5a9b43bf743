/** What operators see of orders, by way of the console, and how they cancel one. */
import { Schema } from "effect"
import {
  FailureReason,
  ItemId,
  OrderDetails,
  OrderId,
  OrderStatus,
  OrderView,
  SlotTime,
  StepName,
  Steps,
  StuckCompensation,
} from "./order.ts"
import { Resource } from "./reservation.ts"
import { OperatorReason } from "./text.ts"

/** A status of an order, or stuck: compensating, and a compensation does not get through. */
export const SearchedStatus = Schema.Literals([...OrderStatus.literals, "stuck"])

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u
const someUuid = "00000000-0000-0000-0000-000000000000"
const beginning = { expected: "the beginning of an order's id, in lower case" }

/** The beginning of an order's id, up to the whole of it. */
export const IdBeginning = Schema.String.check(
  Schema.isPattern(/^[0-9a-f-]{1,36}$/u, beginning),
  Schema.makeFilter((text) => uuid.test(text + someUuid.slice(text.length)), beginning),
)

const instant = { expected: "a time with its zone, such as 2026-01-31T12:00:00Z" }

/** A point in time, as ISO 8601 has it. */
export const Instant = Schema.String.check(
  Schema.isPattern(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/u,
    instant,
  ),
  Schema.makeFilter((text) => !Number.isNaN(Date.parse(text)), instant),
)

/** The most orders of a page. */
export const maxFound = 500

/** GET /internal/order-search: the orders of which all that is given is true, newest first. */
export const OrderSearchQuery = Schema.Struct({
  status: Schema.optionalKey(SearchedStatus),
  username: Schema.optionalKey(Resource),
  item: Schema.optionalKey(Schema.NumberFromString.pipe(Schema.decodeTo(ItemId))),
  slot: Schema.optionalKey(SlotTime),
  reason: Schema.optionalKey(FailureReason),
  /** The step that refused the order, or where its compensation is stuck. */
  step: Schema.optionalKey(StepName),
  /** Placed before this, or at this and later. */
  placedBefore: Schema.optionalKey(Instant),
  placedAfter: Schema.optionalKey(Instant),
  id: Schema.optionalKey(IdBeginning),
  /** Older than this one. */
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
 * `next` is where the next page begins `after`; null when this is the last one, and only then: a
 * page may have fewer orders than it could, even none, as only so many are looked at for each.
 */
export const OrderSearchPage = Schema.Struct({
  orders: Schema.Array(FoundOrder),
  next: Schema.NullOr(OrderId),
}).annotate({ identifier: "OrderSearchPage" })
export type OrderSearchPage = typeof OrderSearchPage.Type

/** GET /internal/order-search/:id: all that is on record of an order. */
export const WholeOrder = Schema.Struct({
  ...OrderDetails.fields,
  /** The steps of the saga that were in force when it was accepted: its version. */
  steps: Steps,
  /** Whether a cancel, of its customer or an operator, came in time. */
  cancelled: Schema.Boolean,
  /** Null when the order was not traced. */
  traceId: Schema.NullOr(Schema.String),
  /** How often it was put on the queue again. */
  republished: Schema.Int,
  /**
   * When it is put on the queue the next time, unless it is final by then; null when it is final.
   */
  republishAt: Schema.NullOr(Schema.String),
}).annotate({ identifier: "WholeOrder" })
export type WholeOrder = typeof WholeOrder.Type

/** The most orders that are not final and are counted. */
export const mostCounted = 100_000

/** How far back ends are counted. */
export const countedHours = 24

/** GET /internal/order-counts: of all replicas together. */
export const OrderCounts = Schema.Struct({
  /**
   * Those that are pending or compensating; and of the latter, those whose compensation is stuck.
   */
  pending: Schema.Int,
  compensating: Schema.Int,
  stuck: Schema.Int,
  /**
   * Whether `mostCounted` are not final, or more: then these three, and the oldest, are of so many
   * of them only.
   */
  areMore: Schema.Boolean,
  /** How long the oldest of the pending ones has been; null when there is none. */
  oldestPendingMs: Schema.NullOr(Schema.Int),
  /**
   * Those that became final in the last `countedHours`, exactly; and why they failed, most frequent
   * first.
   */
  completed: Schema.Int,
  failed: Schema.Int,
  reasons: Schema.Array(Schema.Struct({ reason: FailureReason, count: Schema.Int })),
  /** The mean of the last minute; of what is placed, when that is very much, of the end of it. */
  perSecond: Schema.Struct({
    placed: Schema.Finite,
    completed: Schema.Finite,
    failed: Schema.Finite,
  }),
  /**
   * When it was counted, by the clock of the orders service: about a second ago, or longer where a
   * count takes long.
   */
  at: Schema.String,
}).annotate({ identifier: "OrderCounts" })
export type OrderCounts = typeof OrderCounts.Type

/** POST /internal/orders/:id/cancel. */
export const CancelRequest = Schema.Struct({ reason: OperatorReason }).annotate({
  identifier: "CancelRequest",
})

/** What became of it; two that cancel it at the same time may both be told that they did. */
export const CancelResponse = Schema.Struct({
  order: FoundOrder,
  outcome: Schema.Literals(["cancelled", "cancelled before"]),
}).annotate({ identifier: "CancelResponse" })
export type CancelResponse = typeof CancelResponse.Type
