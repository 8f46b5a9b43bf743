/**
 * What the order queue carries: enough to run the saga without further requests. The orders table
 * stays the record, so a message may be lost, duplicated or late without harm. Each field follows
 * the rule of the contract that it ends up in, so every callee of the saga accepts a message that
 * decodes.
 */
import { Schema } from "effect"
import { Username } from "./account.ts"
import { Steps } from "./order-state.ts"
import { Details, OrderId } from "./order.ts"
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
  /** How often the order was published before. Above 0, an earlier run may have made progress. */
  republished: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** The W3C trace that the order belongs to, if any. */
  traceparent: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/u, {
        expected: "a traceparent of version 00",
      }),
    ),
  ),
})
export type OrderMessage = typeof OrderMessage.Type
