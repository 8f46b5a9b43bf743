/**
 * What an order is: its id, and what a customer posts. Money is a JSON number with at most two
 * decimals on the wire, and an integer of minor units inside.
 */
import { Schema } from "effect"

/**
 * A UUID in lower case (version 7, so that ids sort by time); branded, since many other texts are
 * UUIDs too.
 */
export const OrderId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u, {
    expected: "an order's id",
    format: "uuid",
  }),
).pipe(Schema.brand("OrderId"))
export type OrderId = typeof OrderId.Type

/**
 * The creation time in an order's id, in milliseconds since the epoch, by the clock of the orders
 * service that made it: a UUID of version 7 begins with it (RFC 9562, 5.7).
 */
export const madeAtMs = (orderId: string): number =>
  parseInt(orderId.slice(0, 8) + orderId.slice(9, 13), 16)

/**
 * A lower bound of the ids of orders that are created at this time or later, above all earlier ids.
 */
export const firstIdAt = (ms: number): OrderId => {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0")
  return OrderId.make(`${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`)
}

/** Money on the wire: above 0, at most a billion, at most two decimals. */
export const Amount = Schema.Finite.check(
  Schema.makeFilter((n) => n > 0 && n <= 1_000_000_000 && Math.round(n * 100) / 100 === n, {
    expected: "an amount from 0.01 to 1000000000 with at most two decimals",
    toJsonSchema: () => [{ exclusiveMinimum: 0, maximum: 1_000_000_000 }, true],
  }),
)

/** The minor units of an amount. Exact for every amount that `Amount` accepts. */
export const toMinor = (amount: number): number => Math.round(amount * 100)

/** The amount that a number of minor units stands for. */
export const fromMinor = (minor: number): number => minor / 100

export const ItemId = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

/** A delivery slot is named by its hour and minute, as in "09:00". */
export const SlotTime = Schema.String.check(
  Schema.isPattern(/^([01][0-9]|2[0-3]):[0-5][0-9]$/u, { expected: 'a time such as "09:00"' }),
)

/**
 * What an order wants besides money, defined only here. A field that is added later is optional,
 * since earlier orders lack it.
 */
export const Details = Schema.Struct({
  item: ItemId,
  slot: SlotTime,
})
export type Details = typeof Details.Type

/** What the steps of the saga read of an order. */
export interface OrderContent {
  readonly username: string
  readonly amountMinor: number
  readonly details: Details
}

/**
 * What a customer posts. Clients of the original API send the item and the slot under `details`.
 */
export const NewOrder = Schema.Union([
  Schema.Struct({ amount: Amount, ...Details.fields }),
  Schema.Struct({ amount: Amount, details: Details }),
]).annotate({ identifier: "NewOrder" })
export type NewOrder = typeof NewOrder.Type
