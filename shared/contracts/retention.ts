/**
 * How the orchestrator has the participants forget: POST /internal/forget, and GET
 * /internal/forgotten.
 */
import { Schema } from "effect"
import { OrderId } from "./order.ts"

/** The most orders that can be spared at once. */
export const maxSpared = 1_000

/**
 * Forget the orders that were made before this one would have been, but for these. They must all be
 * final and sound.
 */
export const ForgetRequest = Schema.Struct({
  before: OrderId,
  except: Schema.Array(OrderId).check(Schema.isMaxLength(maxSpared)),
}).annotate({ identifier: "ForgetRequest" })
export type ForgetRequest = typeof ForgetRequest.Type

/**
 * How far a participant has forgotten: what it has no record of before this id it forgot, but for
 * those it spared.
 */
export const Forgotten = Schema.Struct({
  before: OrderId,
  spared: Schema.Array(OrderId),
}).annotate({ identifier: "Forgotten" })
export type Forgotten = typeof Forgotten.Type

/**
 * The most records that are forgotten by one request; as many were: ask again, there may be more.
 */
export const maxForgotten = 1_000

export const ForgetResponse = Schema.Struct({ forgotten: Schema.Int })
