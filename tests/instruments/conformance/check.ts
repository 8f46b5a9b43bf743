/**
 * A check: a rule of the protocol that is tried on a participant, and the three results that it can
 * have.
 */
import type { Kit } from "./kit.ts"

/** The headings of docs/protocol.md to which checks link. */
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

/** The description of a check. */
export interface Rule {
  /** A check of a row of the protocol's table has the name of the row. */
  readonly name: string
  readonly at: Heading
  /** What it tries, as words that can follow "tried". */
  readonly tries: string
  /** What the protocol says about it, in a sentence. */
  readonly says: string
}

export interface Check extends Rule {
  /** The option without which it cannot be tried. */
  readonly needs?: "--key" | "--restart"
  /** Resolves with what it saw. Rejects with Broken, NotTried or Stopped. */
  readonly run: (kit: Kit) => Promise<string>
}

export const linkTo = ({ at }: Rule): string => `docs/protocol.md#${at}`

/** A rule is broken; the message is what was seen, in words. */
export class Broken extends Error {}

/** The participant gives no answer at all, so every further request would take as long. */
export class Hung extends Broken {}

/** It could not be tried; the message says why. */
export class NotTried extends Error {}

/** Nothing more can be tried; the message says why, and what to do. */
export class Stopped extends Error {}
