/**
 * Finds out how much of a resource is available, by the protocol alone: it reserves an amount for a
 * new order, and gives it back at once. It doubles the amount until a reserve is rejected, and then
 * bisects.
 */
import type { OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import type { Word } from "./answers.ts"
import { Broken } from "./check.ts"

interface Orders {
  readonly order: () => OrderId
  readonly reserve: (orderId: OrderId, quantity: number) => Command
  readonly cancel: (orderId: OrderId, quantity: number) => Command
}

/** Takes few requests when the result is near the guess. Rejects with Broken. */
export const findLeft = async (
  one: (command: Command) => Promise<Word>,
  orders: Orders,
  guess: number,
): Promise<number> => {
  const isThere = async (quantity: number): Promise<boolean> => {
    const orderId = orders.order()
    const answered = await one(orders.reserve(orderId, quantity))
    if (answered === "rejected") return false
    if (answered !== "reserved") {
      throw new Broken(`The first reserve of order ${orderId} was answered "${answered}"`)
    }
    const given = await one(orders.cancel(orderId, quantity))
    if (given !== "cancelled") {
      throw new Broken(`The cancel of order ${orderId}, which held some, was answered "${given}"`)
    }
    return true
  }
  const most = Number.MAX_SAFE_INTEGER
  // `from` is available, `to` is not.
  let [from, to] = [0, most + 1]
  let next = Math.max(1, guess)
  while (to - from > 1) {
    if (await isThere(next)) {
      from = next
      next = from === guess ? from + 1 : Math.min(from * 2, most)
    } else to = next
    if (next >= to || next <= from) next = from + Math.floor((to - from) / 2)
  }
  return from
}
