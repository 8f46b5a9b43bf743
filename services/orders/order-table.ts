/** The orders table, as intake, look-ups, sweeper and register use it, without the SQL. */
import { Context, type Effect } from "effect"
import type {
  FailureReason,
  OrderId,
  OrderStatus,
  StuckCompensation,
  TimelineEntry,
} from "#shared/contracts/order.ts"
import type { Store } from "#shared/postgres/store.ts"
import type { Order } from "./order.ts"

export interface Insertion {
  readonly order: Order
  readonly idempotencyKey: string | undefined
  /** When the sweeper puts the order on the queue again unless it is final by then. */
  readonly publishAt: Date
}

/** What a decision changes of an order. */
export interface StatusChange {
  readonly orderId: OrderId
  /** An order with any other status stays as it is. */
  readonly before: OrderStatus
  readonly status: OrderStatus
  /** Kept if the order has one already. */
  readonly reason: FailureReason | undefined
  /** Added at the end. */
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
  /** Inserts the orders but for those whose idempotency key is taken; gives the ids of the inserted. */
  readonly insert: (
    insertions: ReadonlyArray<Insertion>,
  ) => Effect.Effect<ReadonlySet<string>>
  /** The orders that users sent with idempotency keys, in the order of the keys. */
  readonly findByKeys: (
    keys: ReadonlyArray<UsersKey>,
  ) => Effect.Effect<ReadonlyArray<Order | undefined>>
  /** The orders with these ids, by id; of those that exist. */
  readonly find: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, Order>>
  /** The newest orders of a user, newest first, older than `before` if it is given. */
  readonly newest: (
    username: string,
    limit: number,
    before: string | undefined,
  ) => Effect.Effect<ReadonlyArray<Order>>
  /** The statuses of the orders, locked; of those that exist. */
  readonly lockStatuses: (
    ids: ReadonlyArray<OrderId>,
  ) => Effect.Effect<ReadonlyMap<OrderId, OrderStatus>>
  /**
   * Changes orders, at most once each, and gives how many it changed to each status. `now` becomes the time of the decision
   * of those that are final by it.
   */
  readonly changeStatuses: (
    changes: ReadonlyArray<StatusChange>,
    now: Date,
  ) => Effect.Effect<ReadonlyMap<OrderStatus, number>>
  /** Tells all replicas, on commit, that the orders changed, and which of them are final. */
  readonly notify: (
    ids: ReadonlyArray<OrderId>,
    final: ReadonlySet<OrderId>,
  ) => Effect.Effect<void>
  /**
   * Takes up to `limit` orders that are due to be published again, passing over those that another transaction has locked,
   * and gives them with their new count. They are due again after `firstMs`, doubled with each further time, at most `mostMs`.
   * Up to as many again are due that would be later than any wait makes them: the clock was set back since.
   */
  readonly takeDue: (
    now: Date,
    limit: number,
    waits: { readonly firstMs: number; readonly mostMs: number },
  ) => Effect.Effect<ReadonlyArray<Order>>
  /** Makes those of the orders that are compensated due, but for those that another transaction has locked. */
  readonly makeDue: (ids: ReadonlyArray<OrderId>, now: Date) => Effect.Effect<void>
  /** Makes every order that is not final due. */
  readonly makeAllDue: Effect.Effect<void>
  /** Orders that are not final, counted up to `limit`. */
  readonly countUnfinished: (limit: number) => Effect.Effect<UnfinishedCount>
  /** How many orders these users have from that id on, of those who have any. */
  readonly countMade: (
    usernames: ReadonlyArray<string>,
    sinceId: OrderId,
  ) => Effect.Effect<ReadonlyMap<string, number>>
}

export class OrderStore extends Context.Service<OrderStore, Store<OrderTable>>()(
  "unwind/orders/OrderStore",
) {}
