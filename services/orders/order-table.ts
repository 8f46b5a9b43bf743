/** The orders table without its SQL, as intake, look-ups, sweeper and register use it. */
import { Context, type Effect } from "effect"
import type {
  FailureReason,
  OrderStatus,
  StuckCompensation,
  TimelineEntry,
} from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { Store } from "#shared/postgres/store.ts"
import type { Order } from "./order.ts"

export interface Insertion {
  readonly order: Order
  readonly idempotencyKey: string | undefined
  /** When the sweeper publishes the order again, unless it is final. */
  readonly publishAt: Date
}

/** How a decision changes an order. */
export interface StatusChange {
  readonly orderId: OrderId
  /** Only an order with this status is changed. */
  readonly before: OrderStatus
  readonly status: OrderStatus
  /** Recorded unless the order has a reason already. */
  readonly reason: FailureReason | undefined
  /** Appended. */
  readonly timeline: ReadonlyArray<TimelineEntry>
  readonly stuck: StuckCompensation | undefined
}

/** An idempotency key belongs to a user. */
export interface UsersKey {
  readonly username: string
  readonly key: string
}

export interface UnfinishedCount {
  readonly total: number
  /** Of the thousand users who have the most. */
  readonly users: ReadonlyMap<string, number>
}

export interface OrderTable {
  /**
   * Inserts the orders except those whose idempotency key is taken; returns the ids of the
   * inserted ones.
   */
  readonly insert: (
    insertions: ReadonlyArray<Insertion>,
  ) => Effect.Effect<ReadonlySet<string>>
  /** The orders that users sent with these idempotency keys, in the order of the keys. */
  readonly findByKeys: (
    keys: ReadonlyArray<UsersKey>,
  ) => Effect.Effect<ReadonlyArray<Order | undefined>>
  /** The orders with these ids that exist, by id. */
  readonly find: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, Order>>
  /** The newest orders of a user, newest first, older than `before` if it is given. */
  readonly newest: (
    username: string,
    limit: number,
    before: string | undefined,
  ) => Effect.Effect<ReadonlyArray<Order>>
  /** Locks the orders, and returns the statuses of those that exist. */
  readonly lockStatuses: (
    ids: ReadonlyArray<OrderId>,
  ) => Effect.Effect<ReadonlyMap<OrderId, OrderStatus>>
  /**
   * Changes orders, each at most once, and returns how many it changed to each status. `now` is
   * when those that become final are decided.
   */
  readonly changeStatuses: (
    changes: ReadonlyArray<StatusChange>,
    now: Date,
  ) => Effect.Effect<ReadonlyMap<OrderStatus, number>>
  /** Tells all replicas, on commit, which orders changed and which of them are final. */
  readonly notify: (
    ids: ReadonlyArray<OrderId>,
    final: ReadonlySet<OrderId>,
  ) => Effect.Effect<void>
  /**
   * Takes up to `limit` orders that are due to be published again, and returns them with their new
   * count; rows that another transaction has locked are skipped. An order is due again after
   * `firstMs`, doubled each time, at most `mostMs`. Also takes up to `limit` orders that are due
   * later than any wait allows: the clock was set back.
   */
  readonly takeDue: (
    now: Date,
    limit: number,
    waits: { readonly firstMs: number; readonly mostMs: number },
  ) => Effect.Effect<ReadonlyArray<Order>>
  /**
   * Makes the orders among these that are compensating due, skipping rows that another transaction
   * has locked.
   */
  readonly makeDue: (ids: ReadonlyArray<OrderId>, now: Date) => Effect.Effect<void>
  /** Makes all unfinished orders due. */
  readonly makeAllDue: Effect.Effect<void>
  /** Counts the unfinished orders, up to `limit`. */
  readonly countUnfinished: (limit: number) => Effect.Effect<UnfinishedCount>
  /** How many orders each of these users has placed from that id on. */
  readonly countMade: (
    usernames: ReadonlyArray<string>,
    sinceId: OrderId,
  ) => Effect.Effect<ReadonlyMap<string, number>>
}

export class OrderStore extends Context.Service<OrderStore, Store<OrderTable>>()(
  "unwind/orders/OrderStore",
) {}
