/**
 * What a text must be to be kept: said once for whatever comes in by HTTP and whatever comes off
 * the queue.
 */

import { Schema } from "effect"

/** What a decoder puts in the place of bytes that are not UTF-8. */
export const lostBytes = "\uFFFD"

/**
 * PostgreSQL keeps no NUL, UTF-8 no half of a surrogate pair, and what was lost on the way is
 * nothing to keep.
 */
export const isKeepable = (text: string): boolean =>
  text.isWellFormed() && !text.includes("\0") && !text.includes(lostBytes)

/** Why an operator does something: 1 to 500 characters, in one line. */
export const OperatorReason = Schema.String.check(
  Schema.makeFilter(
    (text) => text.trim() !== "" && text.length <= 500 && !/\p{Cc}/u.test(text) && isKeepable(text),
    { expected: "a reason of 1 to 500 characters, without control characters" },
  ),
)
