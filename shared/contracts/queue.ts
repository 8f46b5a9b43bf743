/** What the console reads of the order queue and its dead letters, and the actions on them. */
import { Schema } from "effect"
import { OrderId } from "./order.ts"
import { OperatorReason } from "./text.ts"

/** GET /internal/queue. */
export const QueueState = Schema.Struct({
  /** All entries that are not acknowledged. */
  length: Schema.Int,
  /** Entries that no consumer has taken yet. */
  lag: Schema.Int,
  /** Entries that a consumer has taken. */
  inFlight: Schema.Int,
  /**
   * The age of the oldest entry, and of the oldest that no consumer has taken; 0 when there is
   * none.
   */
  ageMs: Schema.Int,
  lagMs: Schema.Int,
  deadLetters: Schema.Int,
  /** The consumers; `idleMs` is how long each has been silent. */
  consumers: Schema.Array(
    Schema.Struct({ name: Schema.String, inFlight: Schema.Int, idleMs: Schema.Int }),
  ),
}).annotate({ identifier: "QueueState" })
export type QueueState = typeof QueueState.Type

/** A dead letter's id, which begins with the time at which it was written. */
export const LetterId = Schema.String.check(
  Schema.isPattern(/^[0-9]{1,20}-[0-9]{1,20}$/u, { expected: "a dead letter's id" }),
)

/** The most letters in a page or a request. */
export const maxLetters = 500

/** GET /internal/dead-letters: oldest first, those after a given one. */
export const LetterQuery = Schema.Struct({
  after: Schema.optionalKey(LetterId),
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: 1, maximum: maxLetters }),
    ),
  ),
  orderId: Schema.optionalKey(OrderId),
})

export const DeadLetterView = Schema.Struct({
  id: LetterId,
  /** Null when the entry does not contain it. */
  orderId: Schema.NullOr(OrderId),
  cause: Schema.String,
  /** How often an entry of this order has failed. */
  count: Schema.Int,
  buriedAt: Schema.String,
  ageMs: Schema.Int,
  /** The fields of the entry: names and values alternate. */
  payload: Schema.Array(Schema.String),
  /** Why it cannot be redriven; null when it can. */
  unreadable: Schema.NullOr(Schema.String),
}).annotate({ identifier: "DeadLetter" })
export type DeadLetterView = typeof DeadLetterView.Type

/** `next` is the `after` of the next page; null on the last one. */
export const LetterPage = Schema.Struct({
  letters: Schema.Array(DeadLetterView),
  next: Schema.NullOr(LetterId),
})

/** POST /internal/dead-letters/redrive and /discard. */
export const LettersRequest = Schema.Struct({
  letters: Schema.Array(LetterId).check(Schema.isBetweenLength(1, maxLetters)),
  reason: OperatorReason,
}).annotate({ identifier: "LettersRequest" })

/**
 * `absent`: there is no such letter, or no longer. `unreadable`: it holds no order, so it can only
 * be discarded.
 */
export const Redriven = Schema.Struct({
  letter: LetterId,
  outcome: Schema.Literals(["redriven", "absent", "unreadable"]),
  /** Why it is unreadable. */
  cause: Schema.optionalKey(Schema.String),
})
export type Redriven = typeof Redriven.Type

export const RedriveResponse = Schema.Struct({ letters: Schema.Array(Redriven) })

export const DiscardResponse = Schema.Struct({
  letters: Schema.Array(Schema.Struct({
    letter: LetterId,
    outcome: Schema.Literals(["discarded", "absent"]),
  })),
})
