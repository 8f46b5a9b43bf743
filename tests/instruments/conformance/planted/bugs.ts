/**
 * The bugs that the planted participant can have, by name, each with the check that has to find it.
 */

export interface Bug {
  readonly what: string
  /** The check that has to name it. */
  readonly namedBy: string
}

export const bugs = {
  "takes-twice": { what: "the same reserve takes again", namedBy: "reserved-reserve" },
  "no-tombstone": { what: "a cancel of an unknown order is not recorded", namedBy: "late-reserve" },
  "forgets-rejections": { what: "a rejection is not recorded", namedBy: "rejected-reserve" },
  "gives-back-twice": { what: "each cancel gives back", namedBy: "cancelled-cancel" },
  "never-gives-back": {
    what: "a cancel is recorded, and gives nothing back",
    namedBy: "first-contact",
  },
  "gives-back-what-is-named": {
    what: "a cancel gives back its own quantity, not the record's",
    namedBy: "cancel-other-payload",
  },
  "mismatch-takes": {
    what: "a reserve with another quantity takes that as well",
    namedBy: "reserved-reserve-other",
  },
  "sorted-answers": { what: "the answers are sorted by order", namedBy: "answer-order" },
  "two-transactions": {
    what: "the balance is written in one transaction, the record in the next",
    namedBy: "killed",
  },
  "all-at-once": {
    what: "all commands of a batch see the state before the batch",
    namedBy: "batches",
  },
  "no-audience": { what: "a token for another participant is accepted", namedBy: "other-audience" },
  "expired-tokens": { what: "an expired token is accepted", namedBy: "expired-token" },
  "no-clock-tolerance": {
    what: "tokens of a clock that differs are refused",
    namedBy: "other-clocks",
  },
  "early-tokens": { what: "a token of the future is accepted", namedBy: "early-token" },
  "any-not-before": { what: "the nbf of a token is not checked", namedBy: "not-before" },
  "case-sensitive": {
    what: "a token after bearer in lower case is refused",
    namedBy: "scheme-case",
  },
  "no-challenge": { what: "a 401 names no scheme", namedBy: "challenge" },
  "unsigned-tokens": { what: "a token without a signature is accepted", namedBy: "unsigned-token" },
  "long-lived-tokens": {
    what: "how long a token lives is not checked",
    namedBy: "long-lived-token",
  },
  "any-type-of-token": { what: "a token of another type is accepted", namedBy: "other-type" },
  "any-issuer": { what: "the issuer of a token is not checked", namedBy: "other-caller" },
  "forgets-young-orders": { what: "it forgets orders of any age", namedBy: "forget-young" },
  "spares-once": {
    what: "an order is not spared when a second request names it",
    namedBy: "spared",
  },
  "spares-forgotten-orders": {
    what: "an order that was forgotten is spared again",
    namedBy: "spared",
  },
  "takes-old-orders": { what: "an order's age does not matter", namedBy: "old-order" },
  "cursor-skips": { what: "a page begins one order too late", namedBy: "page-cursor" },
  "oversells": { what: "the balance is read before it is locked", namedBy: "last-unit" },
  "half-a-batch": {
    what: "a malformed command refuses the batch when those before it took effect",
    namedBy: "malformed-batch",
  },
  "one-spoils-all": {
    what: "one rejection rejects the whole batch",
    namedBy: "refused-among-others",
  },
  "any-size": { what: "a body may have any size", namedBy: "largest-body" },
  "unknown-fields": { what: "an unknown field is ignored", namedBy: "malformed" },
  "only-in-memory": { what: "nothing outlives the process", namedBy: "restarted" },
  "answers-first": { what: "it answers before it writes", namedBy: "killed" },
} as const satisfies Readonly<Record<string, Bug>>

export type BugName = keyof typeof bugs

/** Invalid answers, with the words that the kit has for them. */
export const badAnswers = {
  "another-order": /in another sequence/,
  "one-twice": /order \S+ [23] times, asked [12] times/,
  "one-too-few": /answered \d+ commands with \d+ outcomes: order \S+ [01] times, asked [12] times/,
  "an-unknown-outcome": /answered the outcome "?ok"?, which does not exist/,
  "html": /not JSON: <html>/,
  "nothing": /not JSON: nothing/,
  "a-list": /JSON that is not an object/,
  "another-version": /without a list "outcomes": \{"results":/,
  "an-error": /answered 500/,
  "a-cut": /broke the connection/,
  "silence": /did not answer within/,
} as const satisfies Readonly<Record<string, RegExp>>

export type BadAnswer = keyof typeof badAnswers
