/**
 * What the audit reads of each service (GET, for the orchestrator only): what orders and participants have on record, a
 * page at a time, newest order first, and whether a participant's books balance.
 */
import { Effect, Schema } from "effect"
import { Details, OrderId, OrderStatus, Steps, StuckCompensation } from "./order.ts"

/** The most entries of a page. */
export const maxPage = 1_000

/** The orders between two ids, both left out; what is not given has no bound. */
export const PageQuery = Schema.Struct({
  before: Schema.optionalKey(OrderId),
  after: Schema.optionalKey(OrderId),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: 1, maximum: maxPage }),
    ),
  ),
})
export type PageQuery = typeof PageQuery.Type

/** What a participant has on record of an order: GET /internal/reservations. */
export const Recorded = Schema.Struct({
  orderId: OrderId,
  outcome: Schema.Literals(["reserved", "rejected", "cancelled"]),
  resource: Schema.String,
  quantity: Schema.Int,
  recordedAt: Schema.String,
}).annotate({ identifier: "Recorded" })
export type Recorded = typeof Recorded.Type

export const RecordedPage = Schema.Struct({ reservations: Schema.Array(Recorded) })

/**
 * A resource whose books do not balance. They do when what it started with and what operators adjusted since is its
 * balance, what orders hold of it and what completed orders consumed whose records are forgotten by now, together, and none
 * but what was adjusted is below 0.
 */
export const Imbalance = Schema.Struct({
  resource: Schema.String,
  opening: Schema.Int,
  /** Before there were adjustments, participants did not tell. */
  adjusted: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
  balance: Schema.Int,
  held: Schema.Int,
  consumed: Schema.Int,
}).annotate({ identifier: "Imbalance" })
export type Imbalance = typeof Imbalance.Type

/** The most resources that GET /internal/books names. */
export const maxImbalanced = 100

/** GET /internal/books: all of a participant's resources at one instant. */
export const Balance = Schema.Struct({
  resources: Schema.Int,
  imbalanced: Schema.Array(Imbalance),
}).annotate({ identifier: "Balance" })
export type Balance = typeof Balance.Type

/** How an order stands: GET /internal/orders. */
export const Standing = Schema.Struct({
  orderId: OrderId,
  status: OrderStatus,
  username: Schema.String,
  amountMinor: Schema.Int,
  details: Details,
  steps: Steps,
  createdAt: Schema.String,
  decidedAt: Schema.NullOr(Schema.String),
  stuck: Schema.NullOr(StuckCompensation),
}).annotate({ identifier: "Standing" })
export type Standing = typeof Standing.Type

export const StandingPage = Schema.Struct({ orders: Schema.Array(Standing) })

/** GET /internal/orders/unfinished: the oldest order that is not final, and how many are not. */
export const Unfinished = Schema.Struct({
  oldest: Schema.NullOr(OrderId),
  count: Schema.Int,
}).annotate({ identifier: "Unfinished" })
export type Unfinished = typeof Unfinished.Type
