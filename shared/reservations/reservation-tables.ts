/**
 * The tables of a participant, as its rules use them: what is recorded of each order, what is left
 * of each resource, and what operators changed of that.
 */
import { Context, type Effect } from "effect"
import type { Adjustment } from "#shared/contracts/stock.ts"
import type { Store } from "#shared/postgres/store.ts"
import type { Reservation } from "./rules.ts"

export interface ReservationTables {
  /** The records of the orders, locked; of those that have one. */
  readonly lockReservations: (
    orderIds: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, Reservation>>
  /**
   * What is left of the resources, and of those that the orders hold; locked. A resource that does
   * not exist is left out.
   */
  readonly lockResources: (
    resources: ReadonlyArray<string>,
    orderIds: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, number>>
  /**
   * Records orders that had no record. Dies with LostConflict where another transaction was first.
   */
  readonly insertRecords: (records: ReadonlyArray<Reservation>) => Effect.Effect<void>
  readonly markCancelled: (orderIds: ReadonlyArray<string>) => Effect.Effect<void>
  /** Adds to what is left of each resource. */
  readonly changeBalances: (changes: ReadonlyMap<string, number>) => Effect.Effect<void>
  /** What was made of the operator's key before. */
  readonly findAdjustment: (key: AdjustmentKey) => Effect.Effect<Adjustment | undefined>
  /** What the resource started with, and all that was adjusted since. */
  readonly totalOf: (resource: string) => Effect.Effect<number>
  /**
   * Puts an adjustment on the ledger; gives its number. Dies with LostConflict where another
   * transaction used its key first.
   */
  readonly insertAdjustment: (
    adjustment: Omit<Adjustment, "number"> & AdjustmentKey,
  ) => Effect.Effect<number>
}

/** Keys belong to the operator who sends them. */
export interface AdjustmentKey {
  readonly operator: string
  readonly idempotencyKey: string
}

export class ReservationStore extends Context.Service<ReservationStore, Store<ReservationTables>>()(
  "unwind/reservations/ReservationStore",
) {}
