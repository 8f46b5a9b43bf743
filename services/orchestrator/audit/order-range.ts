/** Ids of orders as bounds. As text, they sort as PostgreSQL sorts them. */
import { OrderId } from "#shared/contracts/order.ts"

const last = 2n ** 128n - 1n

const numberOf = (id: OrderId): bigint => BigInt(`0x${id.replaceAll("-", "")}`)

const idOf = (number: bigint): OrderId =>
  OrderId.make(
    number.toString(16).padStart(32, "0").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
  )

/** The exclusive lower bound that still includes this id; undefined for the lowest id. */
export const justBelow = (id: OrderId): OrderId | undefined => {
  const number = numberOf(id)
  return number === 0n ? undefined : idOf(number - 1n)
}

/** The exclusive upper bound that still includes this id; undefined for the highest id. */
export const justAbove = (id: OrderId): OrderId | undefined => {
  const number = numberOf(id)
  return number === last ? undefined : idOf(number + 1n)
}

/** The highest of the ids that are defined. */
export const highest = (...ids: ReadonlyArray<OrderId | undefined>): OrderId | undefined =>
  ids.reduce((a, b) => a === undefined || (b !== undefined && b > a) ? b : a, undefined)
