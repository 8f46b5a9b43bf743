/** How the console finds orders, counts them and sees one whole (orders). */
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
  StuckCompensation,
} from "./order.ts"

/** The most orders of a page. */
export const maxFound = 500

const Instant = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/u, {
    expected: "an instant (ISO 8601)",
    format: "date-time",
  }),
)

/** GET /internal/order-search: newest first, from behind one of them on. What is not given has no bound. */
export const OrderSearch = Schema.Struct({
  status: Schema.optionalKey(OrderStatus),
  username: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(150))),
  item: Schema.optionalKey(Schema.NumberFromString.pipe(Schema.decodeTo(ItemId))),
  slot: Schema.optionalKey(SlotTime),
  reason: Schema.optionalKey(FailureReason),
  /** The step that was refused, or whose compensation is stuck. */
  step: Schema.optionalKey(StepName),
  placedBefore: Schema.optionalKey(Instant),
  placedAfter: Schema.optionalKey(Instant),
  /** The beginning of an id. */
  id: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[0-9a-f-]{1,36}$/u))),
  after: Schema.optionalKey(OrderId),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: 1, maximum: maxFound }),
    ),
  ),
})
export type OrderSearch = typeof OrderSearch.Type

export const FoundOrder = Schema.Struct({
  ...OrderView.fields,
  stuck: Schema.NullOr(StuckCompensation),
}).annotate({ identifier: "FoundOrder" })
export type FoundOrder = typeof FoundOrder.Type

/** `next` is where the next page begins `after`; null when this is the last one. */
export const FoundPage = Schema.Struct({
  orders: Schema.Array(FoundOrder),
  next: Schema.NullOr(OrderId),
})
export type FoundPage = typeof FoundPage.Type

/** GET /internal/order-search/:id: an order with everything that happened to it. */
export const WholeOrder = Schema.Struct({
  ...OrderDetails.fields,
  traceId: Schema.NullOr(Schema.String),
}).annotate({ identifier: "WholeOrder" })
export type WholeOrder = typeof WholeOrder.Type

/** GET /internal/order-counts. */
export const OrderCounts = Schema.Struct({
  pending: Schema.Int,
  completed: Schema.Int,
  failed: Schema.Int,
  stuck: Schema.Int,
  /** How old the oldest order is that is not final; null when all are. */
  oldestPendingMs: Schema.NullOr(Schema.Finite),
  reasons: Schema.Array(Schema.Struct({ reason: FailureReason, count: Schema.Int })),
  /** Of the last minute. */
  perSecond: Schema.Struct({
    placed: Schema.Finite,
    completed: Schema.Finite,
    failed: Schema.Finite,
  }),
}).annotate({ identifier: "OrderCounts" })
export type OrderCounts = typeof OrderCounts.Type
