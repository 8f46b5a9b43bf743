/** What must hold at the end: of dead letters, and of final orders that are delivered once more. */
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import type { Books } from "./books.ts"
import { type ParticipantName, participants } from "./services.ts"
import type { OrderRow } from "./tables/order-table.ts"
import { needed, refusing } from "./wanted.ts"
import type { World } from "./world.ts"

/** What is on record. */
interface Recorded {
  readonly world: World
  readonly orders: ReadonlyMap<string, OrderRow>
  readonly books: Readonly<Record<ParticipantName, Books>>
}

export const isFinal = (status: OrderStatus | undefined): boolean =>
  status === "completed" || status === "failed"

/** I7: returns a function that checks that the orders that are final now did not change. */
export const remember = (recorded: Recorded): () => void => {
  const before = finalOrders(recorded)
  return () => {
    const after = finalOrders(recorded)
    for (const [id, was] of before) {
      const is = after.get(id)
      recorded.world.check(is === was, "I7", () => `order ${id} was ${was}, and it is ${is}`)
    }
  }
}

const finalOrders = ({ orders, books }: Recorded): ReadonlyMap<string, string> => {
  const final = [...orders.values()].filter(({ status }) => isFinal(status))
  return new Map(final.map(({ id, status, reason }) => {
    const records = participants.map((name) => books[name].records.get(id)?.outcome)
    return [id, `${status} (${reason}), with ${records}`]
  }))
}

/** I10: only poison becomes a dead letter, and it holds nothing from the refusing step on. */
export const noPoison = (
  { world, orders, books }: Recorded,
  deadLetters: Iterable<string>,
): void => {
  for (const name of participants) {
    for (const { orderId, outcome } of books[name].records.values()) {
      world.check(
        outcome !== "reserved" || orders.has(orderId),
        "I10",
        () => `${name} holds something for ${orderId}, which is not an order`,
      )
    }
  }
  for (const id of deadLetters) {
    const isRight = world.poisonous.has(id) || world.brokenOn.has(id) || !orders.has(id)
    world.check(isRight, "I10", () => `order ${id} is a dead letter, and nobody refuses it`)
  }
  for (const id of world.poisonous) {
    const order = orders.get(id)!
    const behind = needed(order).slice(needed(order).indexOf(refusing(order)!))
    world.check(
      behind.every((name) => books[name].records.get(id)?.outcome !== "reserved"),
      "I10",
      () => `order ${id} went past ${behind[0]}, which refuses it`,
    )
  }
}
