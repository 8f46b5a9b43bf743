/** Which texts can be stored: one rule for HTTP requests and for queue entries. */

import { Schema } from "effect"

/** What a decoder puts in place of bytes that are not UTF-8. */
export const lostBytes = "\uFFFD"

/**
 * PostgreSQL cannot store NUL, UTF-8 cannot encode a lone surrogate, and U+FFFD marks lost bytes.
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
