/**
 * The order queue: at-least-once, in no guaranteed order. An entry that was taken and not
 * acknowledged comes back: to this consumer after a restart, or to another one that claims it. The
 * queue is a cache of work, never its record: what is lost here is published again from the orders
 * table. QUEUE_URL's scheme selects one of three implementations; tests/shared/queue holds all of
 * them to the same contract.
 */
import { Context, type Effect, Schema } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"

/**
 * The queue could not be reached or refused the command. The command may have taken effect; retry
 * it.
 */
export class QueueUnavailable extends Schema.TaggedError<QueueUnavailable>()("QueueUnavailable", {
  message: Schema.String,
}) {}

/** One entry in a consumer's hands, until it is acknowledged. */
export interface Delivery {
  /** Names the entry to `acknowledge` and `deadLetter`. */
  readonly entryId: string
  readonly message: OrderMessage
  /**
   * The entry is known to have been delivered before, to a consumer that did not acknowledge it.
   */
  readonly redelivered: boolean
}

/**
 * A dead letter: an entry that no consumer can work on, kept with its cause for a person to look
 * at.
 */
export interface DeadLetter {
  readonly delivery: Delivery
  readonly cause: string
}

export class OrderQueue extends Context.Service<OrderQueue, {
  /**
   * Puts the messages on the queue. Fails with QueueUnavailable, and then any part of them may be
   * on it.
   */
  readonly publish: (
    messages: ReadonlyArray<OrderMessage>,
  ) => Effect.Effect<void, QueueUnavailable>
  /**
   * Waits for entries and takes up to `max` of them: this consumer's own unacknowledged ones from
   * before a restart first, then those of dead consumers, then new ones. Entries that cannot be
   * decoded go to the dead letters and are not returned. Others cannot claim what is taken until
   * this consumer acknowledges it or is gone. An interrupted take loses nothing: a later one gets
   * its entries. Fails with QueueUnavailable.
   */
  readonly take: (max: number) => Effect.Effect<ReadonlyArray<Delivery>, QueueUnavailable>
  /** Removes finished entries from the queue. Fails with QueueUnavailable. */
  readonly acknowledge: (
    entryIds: ReadonlyArray<string>,
  ) => Effect.Effect<void, QueueUnavailable>
  /**
   * Moves entries to the dead letters, each with its cause. An order has one letter at most:
   * further entries of it only leave the queue. A new letter is logged. Idempotent. Fails with
   * QueueUnavailable.
   */
  readonly deadLetter: (
    letters: ReadonlyArray<DeadLetter>,
  ) => Effect.Effect<void, QueueUnavailable>
  /** Succeeds when the queue can be written to. Fails with QueueUnavailable. */
  readonly ping: Effect.Effect<void, QueueUnavailable>
  /**
   * Whether entries are lost when the process ends: a publisher must then publish all unfinished
   * orders at its start.
   */
  readonly volatile: boolean
}>()("unwind/queue/OrderQueue") {}
