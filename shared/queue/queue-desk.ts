/**
 * The operator's view of the order queue: its length and its dead letters. It is a port next to
 * OrderQueue, on the same connection.
 */
import { Context, type Effect, Result } from "effect"
import type { Wiped } from "#shared/contracts/faults.ts"
import type { DeadLetterView, QueueState, Redriven } from "#shared/contracts/queue.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { decodeEntry } from "./entry.ts"
import type { QueueUnavailable } from "./order-queue.ts"

export interface LetterPage {
  /** Only letters after this one. */
  readonly after?: string | undefined
  readonly limit: number
  /** Only the letter of this order. */
  readonly orderId?: OrderId | undefined
}

export class QueueDesk extends Context.Service<QueueDesk, {
  /** Fails with QueueUnavailable, like all others here. */
  readonly state: Effect.Effect<QueueState, QueueUnavailable>
  /** Dead letters, oldest first. */
  readonly letters: (
    page: LetterPage,
  ) => Effect.Effect<ReadonlyArray<DeadLetterView>, QueueUnavailable>
  /**
   * Puts the orders of these letters on the queue again, marked as published before, so that the
   * register is asked first. The letter is removed atomically with it, so an order is redriven
   * once, however often this is called. An order that fails again gets a new letter, and its count
   * continues.
   */
  readonly redrive: (
    letters: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<Redriven>, QueueUnavailable>
  /** Removes these letters; returns those that existed. */
  readonly discard: (
    letters: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<string>, QueueUnavailable>
  /**
   * Deletes everything of the queue, as if Redis came back empty, and nothing else in that Redis.
   */
  readonly wipe: Effect.Effect<Wiped, QueueUnavailable>
}>()("unwind/queue/QueueDesk") {}

/** The message that redrives a letter. Fails with the cause if the entry holds no order message. */
export const redrivenOf = (
  fields: ReadonlyArray<string>,
): Result.Result<OrderMessage, string> =>
  Result.mapBoth(decodeEntry(fields), {
    onSuccess: asNewMessage,
    onFailure: ({ cause }) => cause,
  })

/** Marks a message as published before: its consumer first asks the register how far it got. */
export const asNewMessage = (message: OrderMessage): OrderMessage => ({
  ...message,
  republished: message.republished + 1,
})
