/**
 * The ids next to an order's. Bounds are exclusive, so a page between the two has that order alone.
 */
import type { OrderId } from "#shared/contracts/order.ts"

const shifted = (orderId: OrderId, by: bigint): OrderId => {
  const number = BigInt(`0x${orderId.replaceAll("-", "")}`) + by
  const hex = number.toString(16).padStart(32, "0")
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") as OrderId
}

export const idBefore = (orderId: OrderId): OrderId => shifted(orderId, -1n)
export const idBehind = (orderId: OrderId): OrderId => shifted(orderId, 1n)
