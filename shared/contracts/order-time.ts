/**
 * The creation time in an order's id: a UUID of version 7 begins with the milliseconds since the
 * epoch.
 */
import { OrderId } from "./order.ts"

/** Milliseconds since the epoch, by the clock of the orders service that made the order. */
export const madeAtMs = (orderId: string): number =>
  parseInt(orderId.slice(0, 8) + orderId.slice(9, 13), 16)

/**
 * A lower bound of the ids of orders that are created at this time or later, above all earlier ids.
 */
export const firstIdAt = (ms: number): OrderId => {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0")
  return OrderId.make(`${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`)
}
