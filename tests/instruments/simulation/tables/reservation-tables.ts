/** The tables of a participant in a simulated database, statement by statement like its SQL. */
import { Effect } from "effect"
import { LostConflict } from "#shared/postgres/transaction.ts"
import type { Adjustment } from "#shared/contracts/stock.ts"
import type { AdjustmentKey, ReservationTables } from "#shared/reservations/reservation-tables.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import { seed, type SimulatedDatabase, tableOf } from "./database.ts"
import type { TableDefinition } from "./table.ts"
import type { Transaction } from "./transaction.ts"

export interface ResourceRow {
  readonly resource: string
  readonly opening: number
  readonly balance: number
}

export const resources: TableDefinition<ResourceRow> = {
  name: "resources",
  keyOf: ({ resource }) => resource,
  brokenCheck: ({ balance }) =>
    balance >= 0 && balance <= Number.MAX_SAFE_INTEGER ? undefined : "balance",
}

const outcomes: ReadonlySet<string> = new Set(["reserved", "rejected", "cancelled"])

export const reservations: TableDefinition<Reservation> = {
  name: "reservations",
  keyOf: ({ orderId }) => orderId,
  brokenCheck: ({ outcome, quantity }) => {
    if (!outcomes.has(outcome)) return "outcome"
    return quantity > 0 ? undefined : "quantity"
  },
}

export type AdjustmentRow = Adjustment & AdjustmentKey

const keyOf = ({ operator, idempotencyKey }: AdjustmentKey) => `${operator} ${idempotencyKey}`

export const adjustments: TableDefinition<AdjustmentRow> = {
  name: "adjustments",
  keyOf,
  brokenCheck: ({ change, left }) => {
    if (change === 0) return "change"
    return left >= 0 ? undefined : "balance"
  },
}

/** Adds a resource with its opening balance. */
export const addResource = (
  database: SimulatedDatabase,
  resource: string,
  balance: number,
): void => seed(database, resources, { resource, opening: balance, balance })

export const reservationTables = (transaction: Transaction): ReservationTables => {
  const { database } = transaction
  const records = tableOf(database, reservations)
  const balances = tableOf(database, resources)
  const ledger = tableOf(database, adjustments)
  const rowsOf = (resource: string) =>
    ledger.all(transaction).map((cell) => cell.seenBy(transaction)!)
      .filter((row) => row.resource === resource)
  return {
    lockReservations: (orderIds) =>
      transaction.locking(
        "lockReservations",
        () => records.find(orderIds, transaction),
        (locked) => new Map(locked.map((cell) => [cell.key, cell.seenBy(transaction)!])),
      ),

    lockResources: (names, orderIds) =>
      transaction.locking(
        "lockResources",
        () => {
          const wanted = new Set(names)
          for (const orderId of orderIds) {
            const record = records.cells.get(orderId)?.seenBy(transaction)
            if (record?.outcome === "reserved") wanted.add(record.resource)
          }
          return balances.find(wanted, transaction)
        },
        (locked) => new Map(locked.map((cell) => [cell.key, cell.seenBy(transaction)!.balance])),
      ),

    insertRecords: (given) => {
      const sorted = given.toSorted((a, b) => a.orderId < b.orderId ? -1 : 1)
      return Effect.flatMap(
        transaction.inserting("insertRecords", records, sorted),
        (inserted) =>
          inserted.length < given.length
            ? Effect.die(new LostConflict("another transaction recorded one of these orders first"))
            : Effect.void,
      )
    },

    markCancelled: (orderIds) =>
      transaction.locking(
        "markCancelled",
        () => records.find(orderIds, transaction),
        (locked) => {
          for (const cell of locked) {
            transaction.write(cell, { ...cell.seenBy(transaction)!, outcome: "cancelled" })
          }
        },
      ),

    changeBalances: (changes) =>
      transaction.locking(
        "changeBalances",
        () => balances.find(changes.keys(), transaction),
        (locked) => {
          for (const cell of locked) {
            const row = cell.seenBy(transaction)!
            const balance = row.balance + changes.get(row.resource)!
            transaction.write(cell, { ...row, balance })
          }
        },
      ),

    findAdjustment: (key) =>
      transaction.statement(
        "findAdjustment",
        () => {
          const known = ledger.find([keyOf(key)], transaction)[0]?.seenBy(transaction)
          if (known === undefined) return undefined
          const { idempotencyKey: _, ...adjustment } = known
          return adjustment
        },
      ),

    totalOf: (resource) =>
      transaction.statement(
        "totalOf",
        () =>
          rowsOf(resource).reduce(
            (sum, { change }) => sum + change,
            balances.cells.get(resource)?.seenBy(transaction)?.opening ?? 0,
          ),
      ),

    insertAdjustment: (given) =>
      Effect.flatMap(
        Effect.suspend(() =>
          transaction.inserting("insertAdjustment", ledger, [
            { ...given, number: ledger.cells.size + 1 },
          ])
        ),
        ([inserted]) =>
          inserted === undefined
            ? Effect.die(new LostConflict("another transaction used this key first"))
            : Effect.succeed(inserted.number),
      ),
  }
}
