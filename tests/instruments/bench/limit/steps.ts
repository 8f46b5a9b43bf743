/** What the limit programs make of the saga's table: calls, and what a timeline tells of them. */
import type { TimelineEntry } from "#shared/contracts/order-state.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { OrderStep } from "#shared/contracts/order-saga.ts"
import type { Command } from "#shared/contracts/reservation.ts"

/** Where the participants' program answers for a step. */
export const pathOf = ({ at }: OrderStep): string => `/${at}`

export const commandOf = (
  { takes }: OrderStep,
  action: Command["action"],
  order: OrderMessage,
): Command => {
  const [resource, quantity] = takes(order)
  return { orderId: order.orderId, action, resource, quantity }
}

/** Makes the entries of a call that has its answer now. */
export const entriesOf = ({ step }: OrderStep, action: Command["action"], startedAtMs: number) => {
  const nowMs = Date.now()
  const at = new Date(nowMs).toISOString()
  return (outcome: TimelineEntry["outcome"]): TimelineEntry => ({
    ...{ step, action, outcome, attempts: 1, at },
    durationMs: nowMs - startedAtMs,
  })
}
