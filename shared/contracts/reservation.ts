/**
 * The participant protocol (docs/protocol.md): POST /internal/reservations. One request is one
 * transaction of the participant. Its commands take effect one after another, as if each came
 * alone, and are answered in their order.
 */
import { Schema } from "effect"
import { OrderId } from "./order.ts"
import { isKeepable } from "./text.ts"

/** At most this many commands or decisions in one request. */
export const maxBatch = 1_000

/** A username, an item's id or a slot's time. */
export const Resource = Schema.NonEmptyString.check(
  Schema.isMaxLength(150),
  Schema.makeFilter(isKeepable, {
    expected: "a text without NUL, half of a surrogate pair, or U+FFFD",
  }),
)

/** Minor units of money, or 1. */
export const Quantity = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
)

export const Command = Schema.Struct({
  orderId: OrderId,
  action: Schema.Literals(["reserve", "cancel"]),
  resource: Resource,
  quantity: Quantity,
}).annotate({ identifier: "Command" })
export type Command = typeof Command.Type

export const Outcome = Schema.Struct({
  orderId: OrderId,
  outcome: Schema.Literals(["reserved", "rejected", "cancelled", "mismatch"]),
}).annotate({ identifier: "Outcome" })
export type Outcome = typeof Outcome.Type

export const ReservationRequest = Schema.Struct({
  commands: Schema.Array(Command).check(Schema.isBetweenLength(1, maxBatch)),
})
export const ReservationResponse = Schema.Struct({ outcomes: Schema.Array(Outcome) })
