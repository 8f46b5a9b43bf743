/**
 * How the orchestrator makes the participants forget old orders: POST /internal/forget, and GET
 * /internal/forgotten.
 */
import { Schema } from "effect"
import { OrderId } from "./order.ts"

/** The most orders that can be spared at once. */
export const maxSpared = 1_000

/**
 * Forget the orders with ids below `before`, except those in `except`. All orders to forget must be
 * final and sound.
 */
export const ForgetRequest = Schema.Struct({
  before: OrderId,
  except: Schema.Array(OrderId).check(Schema.isMaxLength(maxSpared)),
}).annotate({ identifier: "ForgetRequest" })
export type ForgetRequest = typeof ForgetRequest.Type

/**
 * How far a participant has forgotten: every order below `before` that has no record here is
 * forgotten, except the spared ones.
 */
export const Forgotten = Schema.Struct({
  before: OrderId,
  spared: Schema.Array(OrderId),
}).annotate({ identifier: "Forgotten" })
export type Forgotten = typeof Forgotten.Type

/**
 * The most records that one request forgets. When it forgot this many, ask again: there may be
 * more.
 */
export const maxForgotten = 1_000

export const ForgetResponse = Schema.Struct({ forgotten: Schema.Int })
