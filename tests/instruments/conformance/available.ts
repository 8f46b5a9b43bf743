/**
 * What is available of a resource, found out by the protocol alone: a reserve of so much with a
 * fresh order is granted or not, and given back at once. Doubles until one is refused, and halves
 * what is between from then on.
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

/** Whatever is near to the guess is found by few requests. Rejects with Broken. */
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
  // So much is there, and so much is not.
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
