/**
 * What a check is: a rule of the protocol that is tried on a participant, and the three ways in
 * which it can come out.
 */
import type { Kit } from "./kit.ts"

/** The headings of docs/protocol.md that checks lead to. */
export type Heading =
  | "the-request"
  | "the-answer"
  | "the-table"
  | "one-transaction"
  | "tombstones"
  | "ageing"
  | "batches"
  | "isolation"
  | "authentication"
  | "errors"
  | "sizes"
  | "audit"
  | "retention"
  | "health"
  | "why-the-unknown-outcome-is-the-hard-case"

/** What is said of a check. */
export interface Rule {
  /** One that tries a row of the protocol's table is called like the row. */
  readonly name: string
  readonly at: Heading
  /** What it tries, as words that can stand behind "tried". */
  readonly tries: string
  /** What the protocol says about it, in a sentence. */
  readonly says: string
}

export interface Check extends Rule {
  /** What it cannot do without. */
  readonly needs?: "--key" | "--restart"
  /** Resolves with what it saw. Rejects with Broken, NotTried or Stopped. */
  readonly run: (kit: Kit) => Promise<string>
}

export const linkTo = ({ at }: Rule): string => `docs/protocol.md#${at}`

/** A rule does not hold; the message is what was seen, in words. */
export class Broken extends Error {}

/** It gives no answer at all, so that every further question would cost as long. */
export class Hung extends Broken {}

/** It could not be tried; the message says why. */
export class NotTried extends Error {}

/** Nothing more can be tried; the message says why, and what to do. */
export class Stopped extends Error {}
