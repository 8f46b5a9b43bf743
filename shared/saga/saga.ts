/**
 * What a saga consists of: the rows of a table, which reserve and can be cancelled, a deadline, and
 * the decision register, which makes its end final. There is no step journal: participants record
 * their outcomes and the register records one decision, so a saga that crashed is simply run again
 * from the start.
 */
import { type Effect, Schema } from "effect"
import type { Decided, Decision } from "#shared/contracts/decision.ts"
import type { OrderStep, ParticipantName } from "#shared/contracts/order-saga.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { CallFailure } from "#shared/http/client.ts"
import type { Now, OrderRun } from "./order-run.ts"
import type { Wave } from "./wave.ts"

/** The participant has recorded a rejection: the same reserve is rejected for ever. */
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", {}) {}

/** The participant has a cancel of this order on record: another run is already undoing it. */
export class Cancelled extends Schema.TaggedClass<Cancelled>()("Cancelled", {}) {}

/** The order's deadline passed before it was decided. */
export class DeadlinePassed extends Schema.TaggedClass<DeadlinePassed>()("DeadlinePassed", {}) {}

/** The register says that the order is to be undone. */
export class Aborted extends Schema.TaggedClass<Aborted>()("Aborted", {}) {}

/**
 * Everything that turns an order round. A failed call is not among them, so turning round on one
 * does not compile.
 */
export type Refusal = Rejected | Cancelled | DeadlinePassed | Aborted

/**
 * How the saga of an order ends. `unknown`: the register has no such order; it was undone, in case
 * it had begun. `buried`: only a person can help.
 */
export const sagaEnds = ["completed", "failed", "unknown", "buried"] as const
export type SagaEnd = typeof sagaEnds[number]

/**
 * For each entry of a request, in order: its answer, or how it failed. One entry's failure never
 * becomes another's.
 */
export type Answers<O> = ReadonlyArray<O | CallFailure>

/** What the waves of one orchestrator depend on. Many waves may call it concurrently. */
export interface Sagas {
  /** The table. An order goes through the rows that it was accepted with. */
  readonly rows: ReadonlyArray<OrderStep>
  /** How long after its creation an undecided order is aborted. */
  readonly deadlineMs: number
  readonly now: () => Now
  readonly send: (
    at: ParticipantName,
    commands: ReadonlyArray<Command>,
  ) => Effect.Effect<Answers<Outcome>>
  /** Records decisions (the first one wins), and answers with the current states. */
  readonly decide: (decisions: ReadonlyArray<Decision>) => Effect.Effect<Answers<Decided>>
  /** Reports that the sagas of these orders have ended. */
  readonly ended: (runs: ReadonlyArray<OrderRun>) => Effect.Effect<void>
  /** Reports that the compensation of these orders does not get through, or no longer waits. */
  readonly stuck: (runs: ReadonlyArray<OrderRun>, isStuck: boolean) => Effect.Effect<void>
  /** Lets part of a wave go on by itself, in a fiber of its own. */
  readonly fork: (part: Wave, goOn: Effect.Effect<void>) => Effect.Effect<void>
}
