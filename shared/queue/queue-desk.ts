/**
 * What a person sees of the order queue and does about it: how long it is, and its dead letters. It stands beside the port
 * that orders go through, on the same connection, and is asked now and then.
 */
import { Context, type Effect, Result } from "effect"
import type { Wiped } from "#shared/contracts/faults.ts"
import type { DeadLetterView, QueueState, Redriven } from "#shared/contracts/queue.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { decodeEntry } from "./entry.ts"
import type { QueueUnavailable } from "./order-queue.ts"

export interface LetterPage {
  /** Letters from behind this one on. */
  readonly after?: string | undefined
  readonly limit: number
  /** Only the letter of this order. */
  readonly orderId?: OrderId | undefined
}

export class QueueDesk extends Context.Service<QueueDesk, {
  /** Fails with QueueUnavailable, as all of this. */
  readonly state: Effect.Effect<QueueState, QueueUnavailable>
  /** Dead letters, oldest first. */
  readonly letters: (
    page: LetterPage,
  ) => Effect.Effect<ReadonlyArray<DeadLetterView>, QueueUnavailable>
  /**
   * Puts the orders of these letters on the queue again, as published before, so that the register is asked first. A letter is
   * gone in the same moment: said twice, an order is redriven once. One that fails again is a letter again, and counts on.
   */
  readonly redrive: (
    letters: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<Redriven>, QueueUnavailable>
  /** Drops these letters; gives which of them were there. */
  readonly discard: (
    letters: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<string>, QueueUnavailable>
  /** Loses all that there is of the queue, as a Redis does that comes back empty; nothing else that it holds. */
  readonly wipe: Effect.Effect<Wiped, QueueUnavailable>
}>()("unwind/queue/QueueDesk") {}

/** What a letter's entry is when it goes out again. Fails with the cause when it holds no order message. */
export const redrivenOf = (
  fields: ReadonlyArray<string>,
): Result.Result<OrderMessage, string> =>
  Result.mapBoth(decodeEntry(fields), {
    onSuccess: again,
    onFailure: ({ cause }) => cause,
  })

/** An earlier run may have got somewhere: whoever takes it asks first. */
export const again = (message: OrderMessage): OrderMessage => ({
  ...message,
  republished: message.republished + 1,
})
