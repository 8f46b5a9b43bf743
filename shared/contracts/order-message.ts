/**
 * What the order queue carries: enough to run the saga without asking anybody. The orders table stays the record; a
 * message may be lost, doubled or late without harm.
 */
import { Schema } from "effect"
import { Username } from "./account.ts"
import { Details, OrderId, Steps } from "./order.ts"

export const OrderMessage = Schema.Struct({
  orderId: OrderId,
  username: Username,
  amountMinor: Schema.Int.check(Schema.isGreaterThan(0)),
  details: Details,
  steps: Steps,
  /** Milliseconds since the epoch, by the clock of the orders service. */
  createdAtMs: Schema.Int,
  /** How often the order was published before: above 0, an earlier run may have got somewhere. */
  republished: Schema.Int,
  /** The W3C trace that the order belongs to, where there is one. */
  traceparent: Schema.optionalKey(Schema.String),
})
export type OrderMessage = typeof OrderMessage.Type
