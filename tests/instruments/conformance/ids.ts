/** Ids of orders: new ones, and the neighbours of one. */
import { randomUUID } from "node:crypto"
import { firstIdAt, type OrderId } from "#shared/contracts/order.ts"

/** A new id of an order that was made then: a UUID of version 7, as in the orders service. */
export const newOrderId = (madeAtMs: number): OrderId =>
  `${firstIdAt(madeAtMs).slice(0, 14)}7${randomUUID().slice(15)}` as OrderId

const shifted = (orderId: OrderId, by: bigint): OrderId => {
  const number = BigInt(`0x${orderId.replaceAll("-", "")}`) + by
  const hex = number.toString(16).padStart(32, "0")
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") as OrderId
}

/** Bounds of a page are exclusive: between its two neighbours is the order alone. */
export const idBefore = (orderId: OrderId): OrderId => shifted(orderId, -1n)
export const idBehind = (orderId: OrderId): OrderId => shifted(orderId, 1n)
