/**
 * The orders table in a simulated database, statement by statement like its SQL. Nobody listens to
 * notifications.
 */
import { Effect } from "effect"
import { isFinal, type Order } from "#services/orders/order.ts"
import type { Insertion, OrderTable, StatusChange } from "#services/orders/order-table.ts"
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { tableOf } from "./database.ts"
import type { Cell, Table, TableDefinition } from "./table.ts"
import type { Transaction } from "./transaction.ts"

/** All columns. */
export interface OrderRow extends Order {
  readonly idempotencyKey: string | null
  readonly publishAt: Date | null
}

const statuses: ReadonlySet<string> = new Set(["pending", "completed", "compensating", "failed"])

export const orders: TableDefinition<OrderRow> = {
  name: "orders",
  keyOf: ({ id }) => id,
  uniqueOf: ({ username, idempotencyKey }) =>
    idempotencyKey === null ? undefined : uniqueKey(username, idempotencyKey),
  brokenCheck: (row) => {
    if (row.amountMinor <= 0) return "amount"
    if (!statuses.has(row.status)) return "status"
    if (isFinal(row) !== (row.decidedAt !== null)) return "decided_at"
    return (row.decidedAt === null) === (row.publishAt !== null) ? undefined : "publish_at"
  },
}

/** No text of PostgreSQL contains a NUL, so different pairs have different keys. */
const uniqueKey = (username: string, idempotencyKey: string) => `${username}\0${idempotencyKey}`

export const orderTable = (transaction: Transaction): OrderTable => {
  const table = tableOf(transaction.database, orders)
  return {
    ...intake(transaction, table),
    ...register(transaction, table),
    ...sweeper(transaction, table),
  }
}

const intake = (
  transaction: Transaction,
  table: Table<OrderRow>,
): Pick<
  OrderTable,
  "insert" | "findByKeys" | "find" | "newest" | "countUnfinished" | "countMade"
> => ({
  insert: (insertions) =>
    Effect.map(
      transaction.inserting("insert", table, insertions.map(newRow).sort(byIdempotencyKey)),
      (inserted) => new Set(inserted.map(({ id }) => id)),
    ),

  findByKeys: (keys) =>
    transaction.statement("findByKeys", () =>
      keys.map(({ username, key }) => {
        const row = table.unique.get(uniqueKey(username, key))?.seenBy(transaction)
        return row && orderOf(row)
      })),

  find: (ids) =>
    transaction.statement("find", () =>
      new Map(ids.flatMap((id) => {
        const row = table.cells.get(id)?.seenBy(transaction)
        return row === undefined ? [] : [[id, orderOf(row)] as const]
      }))),

  newest: (username, limit, before) =>
    transaction.statement("newest", () =>
      table.all(transaction)
        .map((cell) => cell.seenBy(transaction)!)
        .filter((row) => row.username === username && (before === undefined || row.id < before))
        .sort((a, b) => a.id < b.id ? 1 : -1)
        .slice(0, limit)
        .map(orderOf)),

  countUnfinished: (limit) =>
    transaction.statement("countUnfinished", () => {
      const counted = unfinished(transaction, table).slice(0, limit)
      const users = countByUser(counted.map((cell) => cell.seenBy(transaction)!))
      return { total: counted.length, users }
    }),

  countMade: (usernames, sinceId) =>
    transaction.statement("countMade", () => {
      const made = table.all(transaction).map((cell) => cell.seenBy(transaction)!)
        .filter(({ id }) => id >= sinceId)
      const counts = countByUser(made)
      return new Map(usernames.map((username) => [username, counts.get(username) ?? 0]))
    }),
})

const countByUser = (rows: ReadonlyArray<OrderRow>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { username } of rows) counts.set(username, (counts.get(username) ?? 0) + 1)
  return counts
}

const register = (
  transaction: Transaction,
  table: Table<OrderRow>,
): Pick<OrderTable, "lockStatuses" | "changeStatuses" | "notify"> => ({
  lockStatuses: (ids) =>
    transaction.locking(
      "lockStatuses",
      () => table.find(ids, transaction),
      (locked) =>
        new Map(locked.map((cell) => [cell.key as OrderId, cell.seenBy(transaction)!.status])),
    ),

  changeStatuses: (changes, now) => {
    const changeOf = new Map<string, StatusChange>(
      changes.map((change) => [change.orderId, change]),
    )
    const matches = (cell: Cell<OrderRow>) =>
      cell.seenBy(transaction)!.status === changeOf.get(cell.key)!.before
    return transaction.locking(
      "changeStatuses",
      // Rows that do not match when the statement begins are not waited for.
      () => table.find([...changeOf.keys()], transaction).filter(matches),
      (locked) => {
        const counts = new Map<OrderStatus, number>()
        for (const cell of locked.filter(matches)) {
          const change = changeOf.get(cell.key)!
          transaction.write(cell, changed(cell.seenBy(transaction)!, change, now))
          counts.set(change.status, (counts.get(change.status) ?? 0) + 1)
        }
        return counts
      },
    )
  },

  notify: () => Effect.void,
})

const sweeper = (
  transaction: Transaction,
  table: Table<OrderRow>,
): Pick<OrderTable, "takeDue" | "makeDue" | "makeAllDue"> => ({
  takeDue: (now, limit, { firstMs, mostMs }) =>
    transaction.statement("takeDue", () => {
      const taken: Array<Order> = []
      const waiting = unfinished(transaction, table)
        .map((cell) => ({ cell, row: cell.seenBy(transaction)! }))
        .map((one) => ({ ...one, atMs: one.row.publishAt!.getTime() }))
        .sort((a, b) => a.atMs - b.atMs)
      const nowMs = now.getTime()
      const due = waiting.filter(({ atMs }) => atMs <= nowMs)
      const neverSet = waiting.filter(({ atMs }) => atMs > nowMs + Math.max(firstMs, mostMs))
      for (const these of [due, neverSet]) {
        const most = taken.length + limit
        for (const { cell, row } of these) {
          if (taken.length >= most) break
          if (!transaction.take(cell)) continue
          const waitMs = Math.min(firstMs * 2 ** Math.min(row.republished, 30), mostMs)
          const republished = row.republished + 1
          const publishAt = new Date(nowMs + waitMs)
          transaction.write(cell, { ...row, republished, publishAt })
          taken.push(orderOf({ ...row, republished }))
        }
      }
      return taken
    }),

  makeDue: (ids, now) =>
    transaction.statement("makeDue", () => {
      for (const cell of table.find(ids, transaction)) {
        if (cell.seenBy(transaction)!.status !== "compensating" || !transaction.take(cell)) continue
        transaction.write(cell, { ...cell.seenBy(transaction)!, publishAt: now })
      }
    }),

  makeAllDue: transaction.locking("makeAllDue", () => unfinished(transaction, table), (locked) => {
    for (const cell of locked) {
      const row = cell.seenBy(transaction)!
      // It may have become final during the wait for its lock.
      if (row.publishAt !== null) transaction.write(cell, { ...row, publishAt: row.createdAt })
    }
  }),
})

const unfinished = (transaction: Transaction, table: Table<OrderRow>): Array<Cell<OrderRow>> =>
  table.all(transaction).filter((cell) => cell.seenBy(transaction)!.publishAt !== null)

const newRow = ({ order, idempotencyKey, publishAt }: Insertion): OrderRow => ({
  ...order,
  status: "pending",
  reason: null,
  decidedAt: null,
  timeline: [],
  stuck: null,
  republished: 0,
  idempotencyKey: idempotencyKey ?? null,
  publishAt,
})

/** By user, then by key. Rows without a key come last. */
const byIdempotencyKey = (a: OrderRow, b: OrderRow): number => {
  if (a.username !== b.username) return a.username < b.username ? -1 : 1
  if (a.idempotencyKey === b.idempotencyKey) return 0
  if (a.idempotencyKey === null || b.idempotencyKey === null) {
    return a.idempotencyKey === null ? 1 : -1
  }
  return a.idempotencyKey < b.idempotencyKey ? -1 : 1
}

const changed = (
  row: OrderRow,
  { status, reason, timeline, stuck }: StatusChange,
  now: Date,
): OrderRow => {
  const compensating = status === "compensating"
  return {
    ...row,
    status,
    reason: row.reason ?? reason ?? null,
    timeline: timeline.length === 0 ? row.timeline : [...row.timeline, ...timeline],
    stuck: stuck ?? null,
    decidedAt: compensating ? null : now,
    publishAt: compensating ? row.publishAt : null,
  }
}

/** Without the columns that the services do not see. */
const orderOf = ({ idempotencyKey: _, publishAt: __, ...order }: OrderRow): Order => order
