/**
 * The tables of a participant, as its rules use them: the record of each order, what is left of
 * each resource, and what operators adjusted.
 */
import { Context, type Effect } from "effect"
import type { Adjustment } from "#shared/contracts/stock.ts"
import type { Store } from "#shared/postgres/store.ts"
import type { Reservation } from "./rules.ts"

export interface ReservationTables {
  /** Locks the records of the orders; returns those that exist. */
  readonly lockReservations: (
    orderIds: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, Reservation>>
  /**
   * Locks the resources, and those that the orders hold; returns what is left of each. A resource
   * that does not exist is left out.
   */
  readonly lockResources: (
    resources: ReadonlyArray<string>,
    orderIds: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, number>>
  /**
   * Records orders that had no record. Dies with LostConflict when another transaction was first.
   */
  readonly insertRecords: (records: ReadonlyArray<Reservation>) => Effect.Effect<void>
  readonly markCancelled: (orderIds: ReadonlyArray<string>) => Effect.Effect<void>
  /** Adds to what is left of each resource. */
  readonly changeBalances: (changes: ReadonlyMap<string, number>) => Effect.Effect<void>
  /** The adjustment that was made with the operator's key before. */
  readonly findAdjustment: (key: AdjustmentKey) => Effect.Effect<Adjustment | undefined>
  /** What the resource started with, plus all adjustments since. */
  readonly totalOf: (resource: string) => Effect.Effect<number>
  /**
   * Writes an adjustment to the ledger; returns its number. Dies with LostConflict when another
   * transaction used its key first.
   */
  readonly insertAdjustment: (
    adjustment: Omit<Adjustment, "number"> & AdjustmentKey,
  ) => Effect.Effect<number>
}

/** A key belongs to the operator who sends it. */
export interface AdjustmentKey {
  readonly operator: string
  readonly idempotencyKey: string
}

export class ReservationStore extends Context.Service<ReservationStore, Store<ReservationTables>>()(
  "unwind/reservations/ReservationStore",
) {}
