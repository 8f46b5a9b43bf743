/**
 * What the order queue carries: enough to run the saga without asking anybody. The orders table
 * stays the record; a message may be lost, doubled or late without harm. One that decodes is taken
 * by everybody whom its saga asks: each field keeps to the rule of the contract that it ends up in.
 */
import { Schema } from "effect"
import { Username } from "./account.ts"
import { Details, OrderId, Steps } from "./order.ts"
import { Quantity } from "./reservation.ts"

const lastMs = Date.UTC(9999, 11, 31)

export const OrderMessage = Schema.Struct({
  orderId: OrderId,
  username: Username,
  amountMinor: Quantity,
  details: Details,
  steps: Steps,
  /** Milliseconds since the epoch, by the clock of the orders service. */
  createdAtMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: lastMs })),
  /** How often the order was published before: above 0, an earlier run may have got somewhere. */
  republished: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** The W3C trace that the order belongs to, where there is one. */
  traceparent: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/u, {
        expected: "a traceparent of version 00",
      }),
    ),
  ),
})
export type OrderMessage = typeof OrderMessage.Type
