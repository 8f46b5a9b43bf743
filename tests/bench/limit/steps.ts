/** The steps of the order saga: what is reserved, where, and what a refusal is called. */
import type { FailureReason, StepName } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { Command } from "#shared/contracts/reservation.ts"

export interface Step {
  readonly name: StepName
  readonly path: string
  readonly refusal: FailureReason
  readonly resource: (order: OrderMessage) => string
  readonly quantity: (order: OrderMessage) => number
}

/** In their order. */
export const steps: ReadonlyArray<Step> = [
  {
    name: "money",
    path: "/billing",
    refusal: "Not enough money",
    resource: ({ username }) => username,
    quantity: ({ amountMinor }) => amountMinor,
  },
  {
    name: "item",
    path: "/items",
    refusal: "Can not reserve the item",
    resource: ({ details }) => String(details.item),
    quantity: () => 1,
  },
  {
    name: "slot",
    path: "/slots",
    refusal: "Can not get the delivery slot",
    resource: ({ details }) => details.slot,
    quantity: () => 1,
  },
]

export const commandOf = (
  { resource, quantity }: Step,
  action: Command["action"],
  order: OrderMessage,
): Command => ({
  orderId: order.orderId,
  action,
  resource: resource(order),
  quantity: quantity(order),
})
