/** A participant's resources, and the ledger of adjustments, for operators to read. */
import { Context, Effect, Layer } from "effect"
import { Recorded } from "#shared/contracts/audit.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import {
  type AdjustmentPage,
  type AdjustmentQuery,
  maxListed,
  Stock as StockView,
  type StockPage,
  type StockQuery,
} from "#shared/contracts/stock.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"
import { recordColumns, RecordedRow } from "./books.ts"
import { adjustmentColumns, AdjustmentRow, type Resources } from "./reservations-sql.ts"

export class Stock extends Context.Service<Stock, {
  /** A page of resources, in the order of the bytes of their names. */
  readonly page: (query: StockQuery) => Effect.Effect<StockPage, Transient>
  /** The records of these orders, of those that have one. */
  readonly records: (
    orderIds: ReadonlyArray<OrderId>,
  ) => Effect.Effect<ReadonlyArray<typeof Recorded.Type>, Transient>
  /** A page of the ledger, newest first. */
  readonly adjustments: (query: AdjustmentQuery) => Effect.Effect<AdjustmentPage, Transient>
}>()("unwind/reservations/Stock") {}

export const stockLayer = (resources: Resources): Layer.Layer<Stock, never, Database> =>
  Layer.effect(
    Stock,
    Effect.map(Database, ({ query }) =>
      Stock.of({
        page: (range) => query((sql) => selectStock(sql, resources, range)),
        records: (orderIds) =>
          query((sql) =>
            sql.rows(RecordedRow)`
              select ${recordColumns(sql)} from reservations
              where order_id = any(${orderIds}::uuid[]) order by order_id desc`
          ),
        adjustments: (range) => query((sql) => selectAdjustments(sql, range)),
      })),
  )

/**
 * No name is longer, so nothing that begins with a prefix sorts after the prefix followed by this
 * many of the last character.
 */
const longestName = 150
const lastCharacter = "\u{10FFFF}"

/** What orders took is the total minus what is left: this does not read their records. */
const selectStock = (
  sql: Sql,
  { table, key, balance, title }: Resources,
  { prefix, after, limit = maxListed }: StockQuery,
): Effect.Effect<StockPage> => {
  const name = sql.part`${sql.part(key)} collate "C"`
  const end = prefix === undefined ? "" : prefix + lastCharacter.repeat(longestName)
  return Effect.map(
    sql.rows(StockView)`
      select ${sql.part(key)} as resource,
        ${title === undefined ? sql.part`null` : sql.part(title)} as title,
        ${sql.part(balance)} as left,
        opening + coalesce(
          (select sum(change) from adjustments where resource = ${sql.part(key)}), 0
        )::bigint - ${sql.part(balance)} as taken
      from ${sql.part(table)} where true
      ${after === undefined ? sql.part`` : sql.part`and ${name} > ${after}`}
      ${
      prefix === undefined ? sql.part`` : sql.part`and ${name} >= ${prefix} and ${name} <= ${end}`
    }
      order by ${name} limit ${limit + 1}`,
    (rows) => {
      const stock = rows.slice(0, limit)
      return { stock, next: rows.length > limit ? stock.at(-1)!.resource : null }
    },
  )
}

const selectAdjustments = (
  sql: Sql,
  { resource, after, limit = maxListed }: AdjustmentQuery,
): Effect.Effect<AdjustmentPage> =>
  Effect.map(
    sql.rows(AdjustmentRow)`
      select ${adjustmentColumns(sql)} from adjustments where true
      ${resource === undefined ? sql.part`` : sql.part`and resource = ${resource}`}
      ${after === undefined ? sql.part`` : sql.part`and number < ${after}`}
      order by number desc limit ${limit + 1}`,
    (rows) => {
      const adjustments = rows.slice(0, limit)
      return { adjustments, next: rows.length > limit ? adjustments.at(-1)!.number : null }
    },
  )
