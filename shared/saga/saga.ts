/**
 * What a saga consists of: the rows of a table, which reserve and can be cancelled, a deadline, and
 * the decision register, which makes its end final. There is no step journal: participants record
 * their outcomes and the register records one decision, so a saga that crashed is simply run again
 * from the start.
 */
import type { Cause, Effect, Scope } from "effect"
import type { Decided, Decision } from "#shared/contracts/decision.ts"
import type { OrderStep, ParticipantName } from "#shared/contracts/order-saga.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { CallFailure } from "#shared/http/client.ts"
import type { Now, OrderRun } from "./order-run.ts"

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
  /** Reports that the compensation of these orders is stuck, or no longer is. */
  readonly stuck: (runs: ReadonlyArray<OrderRun>, isStuck: boolean) => Effect.Effect<void>
  /** Lets part of a wave go on by itself, in a fiber of its own. */
  readonly fork: (part: Wave, goOn: Effect.Effect<void>) => Effect.Effect<void>
}

/**
 * Orders that were taken together and go through the steps together. Compensations are finalizers
 * on the scope, which is closed only to undo; an interruption or a defect leaves it open.
 */
export interface Wave {
  /** Where compensations are registered. */
  readonly scope: Scope.Closeable
  /** The orders that it still carries. */
  runs: ReadonlyArray<OrderRun>
  /** How many rows of the table, from the first on, have their compensation registered. */
  registered: number
  /**
   * Why a compensation was cut short. Those of earlier steps then wait for the next run, which
   * keeps the order of cancels.
   */
  cutShort: Cause.Cause<never> | undefined
  /** Makes room for the next wave, since this one waits or undoes. Idempotent. */
  readonly makeRoom: Effect.Effect<void>
}
