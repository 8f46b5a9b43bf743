/**
 * The order queue: at-least-once, in no promised order. An entry that was taken and not acknowledged comes back, to this
 * consumer after a restart or to another one that claims it. The queue is the cache of work, never its record: the
 * orders table publishes again whatever was lost here. Three implementations stand behind this port, chosen by the
 * scheme of QUEUE_URL; tests/shared/queue holds all of them to the same contract.
 */
import { Context, type Effect, Schema } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"

/** The queue could not be reached or refused the command; nothing is known to have happened. Try again. */
export class QueueUnavailable extends Schema.TaggedError<QueueUnavailable>()("QueueUnavailable", {
  message: Schema.String,
}) {}

/** One entry in a consumer's hands, until it is acknowledged. */
export interface Delivery {
  /** Names the entry to `acknowledge` and `deadLetter`. */
  readonly entryId: string
  readonly message: OrderMessage
  /** The entry is known to have been delivered before, to a consumer that did not acknowledge it. */
  readonly redelivered: boolean
}

/** A dead letter: an entry that no consumer can work on, kept with its cause for a person to look at. */
export interface DeadLetter {
  readonly delivery: Delivery
  readonly cause: string
}

export class OrderQueue extends Context.Service<OrderQueue, {
  /** Puts the messages on the queue, all or an unknown part of them. Fails with QueueUnavailable. */
  readonly publish: (
    messages: ReadonlyArray<OrderMessage>,
  ) => Effect.Effect<void, QueueUnavailable>
  /**
   * Waits for entries and takes up to `max` of them: this consumer's own unacknowledged ones from before a restart first,
   * then those of dead consumers, then new ones. Entries that cannot be decoded go to the dead letters and are not
   * returned. What is taken is kept from being claimed by others until it is acknowledged or this consumer is gone. A
   * take that is interrupted loses nothing: a later one is given what came. Fails with QueueUnavailable.
   */
  readonly take: (max: number) => Effect.Effect<ReadonlyArray<Delivery>, QueueUnavailable>
  /** The entries are done with and leave the queue. Fails with QueueUnavailable. */
  readonly acknowledge: (
    entryIds: ReadonlyArray<string>,
  ) => Effect.Effect<void, QueueUnavailable>
  /**
   * Moves entries to the dead letters, each with its cause. An order has one letter at most: a further entry of it only
   * leaves the queue. A new letter is logged. Fails with QueueUnavailable; said again, it makes no second letter.
   */
  readonly deadLetter: (
    letters: ReadonlyArray<DeadLetter>,
  ) => Effect.Effect<void, QueueUnavailable>
  /** Succeeds when the queue can be written to. Fails with QueueUnavailable. */
  readonly ping: Effect.Effect<void, QueueUnavailable>
  /** Entries are gone when the process ends: whoever publishes must publish all unfinished orders again at its start. */
  readonly volatile: boolean
}>()("unwind/queue/OrderQueue") {}
