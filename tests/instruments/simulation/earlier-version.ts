/**
 * Stands in for an orders service of an earlier version, whose saga had fewer steps. It stores and
 * publishes the orders that it accepts with those steps; the rest is the work of the present
 * version.
 */
import type { OrderTable } from "#services/orders/order-table.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import { type Plan } from "./plan.ts"
import { keysOf } from "./wish.ts"

type Steps = OrderMessage["steps"]

export class EarlierVersion {
  /** By user and key, and by id once the order is stored. */
  private readonly ofKey = new Map<string, Steps>()
  private readonly ofId = new Map<string, Steps>()

  constructor({ wishes }: Plan) {
    const keys = keysOf(wishes)
    wishes.forEach(({ username, steps }, n) => {
      if (steps !== undefined) this.ofKey.set(`${username} ${keys[n]}`, steps)
    })
  }

  /** Stores its orders with the earlier steps. */
  table(table: OrderTable): OrderTable {
    if (this.ofKey.size === 0) return table
    return {
      ...table,
      insert: (insertions) =>
        table.insert(insertions.map((insertion) => {
          const { order, idempotencyKey } = insertion
          const steps = this.ofKey.get(`${order.username} ${idempotencyKey}`)
          if (steps === undefined) return insertion
          this.ofId.set(order.id, steps)
          return { ...insertion, order: { ...order, steps } }
        })),
    }
  }

  /** Publishes them with these steps the first time. Later the sweeper reads them. */
  queue(queue: OrderQueue["Service"]): OrderQueue["Service"] {
    if (this.ofKey.size === 0) return queue
    return {
      ...queue,
      publish: (messages) =>
        queue.publish(messages.map((message) => {
          const steps = message.republished === 0 ? this.ofId.get(message.orderId) : undefined
          return steps === undefined ? message : { ...message, steps }
        })),
    }
  }
}
