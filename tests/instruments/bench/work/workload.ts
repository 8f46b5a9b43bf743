/**
 * The orders of a run: of ten, eight complete, one is rejected at the item and one at the slot. All
 * are plain functions of an order's number, so the load and the check of the books agree.
 */
import { randomBytes } from "node:crypto"

export interface Wish {
  readonly amountMinor: number
  readonly item: number
  readonly slot: string
}

export type Shape = "mixed" | "hot"

export interface WantedOrder extends Wish {
  readonly id: string
  readonly username: string
  readonly createdAtMs: number
}

export const soldOutItem = 11
export const fullSlot = "23:00"
export const accounts = 1_000

const goods = 10

/** The customer of order number n, among this many customers. Each has orders of every kind. */
export const customerOf = (n: number, customers: number): number =>
  (7 * n + Math.floor(n / 10)) % customers

/** The name of account number n in billing's table. */
export const accountName = (n: number): string => `bench-${String(n).padStart(4, "0")}`

/** How an order can end, and why it fails. */
export const refusals = {
  completed: null,
  "no item": "Can not reserve the item",
  "no slot": "Can not get the delivery slot",
} as const
export type End = keyof typeof refusals

/** How order number n ends. */
export const endOf = (n: number): End =>
  n % 10 === 3 ? "no item" : n % 10 === 7 ? "no slot" : "completed"

/** What order number n asks for. In a hot load, all orders that complete want the same. */
export const wishOf = (n: number, shape: Shape = "mixed"): Wish => {
  const end = endOf(n)
  const good = shape === "hot" ? 0 : Math.floor(n / 10) % goods
  return {
    amountMinor: 100,
    item: end === "no item" ? soldOutItem : 1 + good,
    slot: end === "no slot" ? fullSlot : `0${good}:00`,
  }
}

/** The number of orders with each end, among this many. */
export const endsOf = (orders: number) => {
  const ends = { completed: 0, "no item": 0, "no slot": 0 }
  for (let n = 0; n < orders; n++) ends[endOf(n)]++
  return ends
}

/** Recent orders, ten for each millisecond, with ids like those of the orders service. */
export const wantedOrders = (orders: number, shape: Shape): ReadonlyArray<WantedOrder> => {
  const sinceMs = Date.now() - Math.ceil(orders / 10)
  return Array.from({ length: orders }, (_, n) => {
    const createdAtMs = sinceMs + Math.floor(n / 10)
    const username = accountName(shape === "hot" ? 0 : customerOf(n, accounts))
    return { ...wishOf(n, shape), id: uuidV7(createdAtMs), username, createdAtMs }
  })
}

const uuidV7 = (ms: number): string => {
  const random = randomBytes(10).toString("hex")
  const time = ms.toString(16).padStart(12, "0")
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-a${random.slice(3, 6)}-` +
    random.slice(6, 18)
}
