/**
 * What a saga is made of: steps that reserve and can be cancelled, a deadline, and the decision register that makes its
 * end final. There is no step journal: participants record their outcomes and the register records one decision, so a
 * saga that crashed is simply run again from the start.
 */
import { Effect, Schema } from "effect"
import type { Transient } from "#shared/transient.ts"

/** The participant refused, and recorded that it did: the same call gets the same refusal for ever. */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {}) {}

/** The participant has a cancel of this saga on record: somebody is undoing it already. */
export class Cancelled extends Schema.TaggedError<Cancelled>()("Cancelled", {}) {}

/** The saga's deadline passed before it was decided. */
export class DeadlinePassed extends Schema.TaggedError<DeadlinePassed>()("DeadlinePassed", {}) {}

/** All that may start a compensation. A Transient failure is not among them, so passing one on does not compile. */
export type Refusal = Rejected | Cancelled | DeadlinePassed

/** One step of a saga of what `Of` is. Both calls may be repeated at will: the participant remembers. */
export interface Step<in Of, Name extends string, Reason extends string> {
  readonly name: Name
  readonly reserve: (of: Of) => Effect.Effect<void, Rejected | Cancelled | Transient>
  /** Can't be refused: a cancel of nothing is done at once, and keeps a late reserve out. */
  readonly cancel: (of: Of) => Effect.Effect<void, Transient>
  /** Why the saga failed when this step is rejected. */
  readonly refusal: Reason
}

/** The calls of one participant, as a step's parts. */
export const step = <Of, const Name extends string, const Reason extends string>(
  name: Name,
  parts: Omit<Step<Of, Name, Reason>, "name">,
): Step<Of, Name, Reason> => ({ name, ...parts })

/** A reserve or cancel that got its answer. */
export interface Entry<Name extends string> {
  readonly step: Name
  readonly action: "reserve" | "cancel"
  readonly outcome: "reserved" | "rejected" | "cancelled"
  readonly attempts: number
  /** ISO 8601, when the answer came. */
  readonly at: string
  readonly durationMs: number
}

/** A compensation that does not get through, and what it waits for. */
export interface Stuck<Name extends string> {
  readonly step: Name
  readonly cause: string
  readonly attempts: number
  readonly nextAttemptAt: string
}

/** What a saga tells the register. */
export interface SagaDecision<Name extends string, Reason extends string> {
  readonly decision: "ask" | "complete" | "abort" | "settle"
  readonly reason?: Reason
  readonly timeline: ReadonlyArray<Entry<Name>>
  readonly stuck?: Stuck<Name>
}

/** `unknown`: the register never heard of the saga. */
export type SagaStatus = "pending" | "completed" | "compensating" | "failed" | "unknown"

export interface Saga<Of, Name extends string, Reason extends string> {
  readonly steps: ReadonlyArray<Step<Of, Name, Reason>>
  /** What the steps are taken for. */
  readonly of: Of
  /** Milliseconds since the epoch: a saga that is not decided by then is aborted. */
  readonly deadlineMs: number
  /** Why the saga failed when the deadline passed. */
  readonly timedOut: Reason
  /** An earlier run may have got somewhere, so the register is asked before anything is done. */
  readonly redelivered: boolean
  /** Records a decision, first one wins, and answers with the state that holds now. */
  readonly decide: (
    decision: SagaDecision<Name, Reason>,
  ) => Effect.Effect<SagaStatus, Transient>
}
