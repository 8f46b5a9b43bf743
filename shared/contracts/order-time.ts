/**
 * When an order was made, as its id tells: a UUID of version 7 begins with the milliseconds since
 * the epoch.
 */
import { OrderId } from "./order.ts"

/** Milliseconds since the epoch, by the clock of the orders service that made the order. */
export const madeAtMs = (orderId: string): number =>
  parseInt(orderId.slice(0, 8) + orderId.slice(9, 13), 16)

/**
 * Not above the id of any order that was made at that time or later, and above all ids from before.
 */
export const firstIdAt = (ms: number): OrderId => {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0")
  return OrderId.make(`${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`)
}
