/**
 * What operators see of a participant's resources (accounts, items, slots), and how they change
 * what is left. Amounts are in the participant's own unit: minor units of money, or pieces.
 */
import { Schema } from "effect"
import { OrderId } from "./order.ts"
import { maxBatch, Resource } from "./reservation.ts"
import { OperatorReason } from "./text.ts"

/** The most entries in a page. */
export const maxListed = 500

const Limit = Schema.optionalKey(
  Schema.NumberFromString.check(
    Schema.isInt(),
    Schema.isBetween({ minimum: 1, maximum: maxListed }),
  ),
)

/**
 * Resources whose names begin with `prefix`, those after a given name, in the order of their UTF-8
 * bytes.
 */
export const StockQuery = Schema.Struct({
  prefix: Schema.optionalKey(Resource),
  after: Schema.optionalKey(Resource),
  limit: Limit,
})
export type StockQuery = typeof StockQuery.Type

/**
 * One resource. `taken` is what orders took and did not give back: what they hold, and what is
 * spent or sold.
 */
export const Stock = Schema.Struct({
  resource: Schema.String,
  /** What people call it, if that is not its name. */
  title: Schema.NullOr(Schema.String),
  left: Schema.Int,
  taken: Schema.Int,
}).annotate({ identifier: "Stock" })
export type Stock = typeof Stock.Type

/** `next` is the `after` of the next page; null on the last one. */
export const StockPage = Schema.Struct({
  stock: Schema.Array(Stock),
  next: Schema.NullOr(Schema.String),
})
export type StockPage = typeof StockPage.Type

/**
 * POST /internal/records: what a participant has on record for these orders. A read, despite its
 * method.
 */
export const RecordsRequest = Schema.Struct({
  orderIds: Schema.Array(OrderId).check(Schema.isBetweenLength(1, maxBatch)),
})

/** The most by which one adjustment changes what is left, up or down. */
export const maxChange = 1_000_000_000_00

/** What an operator requests: `change` is added to what is left of the resource. */
export const NewAdjustment = Schema.Struct({
  resource: Resource,
  change: Schema.Int.check(
    Schema.isBetween({ minimum: -maxChange, maximum: maxChange }),
    Schema.makeFilter((change) => change !== 0, { expected: "a change other than 0" }),
  ),
  reason: OperatorReason,
}).annotate({ identifier: "NewAdjustment" })
export type NewAdjustment = typeof NewAdjustment.Type

/** An adjustment on the ledger. Each has a higher `number` than the one before it. */
export const Adjustment = Schema.Struct({
  number: Schema.Int,
  resource: Schema.String,
  change: Schema.Int,
  /** What was left after it. */
  left: Schema.Int,
  operator: Schema.String,
  reason: Schema.String,
  adjustedAt: Schema.String,
}).annotate({ identifier: "Adjustment" })
export type Adjustment = typeof Adjustment.Type

/**
 * Adjustments of all resources or of one, newest first, those before the one with the number
 * `after`.
 */
export const AdjustmentQuery = Schema.Struct({
  resource: Schema.optionalKey(Resource),
  after: Schema.optionalKey(
    Schema.NumberFromString.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    ),
  ),
  limit: Limit,
})
export type AdjustmentQuery = typeof AdjustmentQuery.Type

export const AdjustmentPage = Schema.Struct({
  adjustments: Schema.Array(Adjustment),
  next: Schema.NullOr(Schema.Int),
})
export type AdjustmentPage = typeof AdjustmentPage.Type
