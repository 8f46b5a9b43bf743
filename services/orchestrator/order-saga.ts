/** The order saga: what is reserved for an order, in which order, and why an order fails. This is the whole of it. */
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { step } from "#shared/saga/saga.ts"
import type { Participants } from "./participants.ts"

/** Reserve the money, then the item, then the delivery slot; when one is refused, give back the others, last first. */
export const orderSaga = ({ billing, items, slots }: Participants["Service"]) => [
  step("money", {
    reserve: ({ orderId, username, amountMinor }: OrderMessage) =>
      billing.reserve(orderId, username, amountMinor),
    cancel: ({ orderId, username, amountMinor }) => billing.cancel(orderId, username, amountMinor),
    refusal: "Not enough money",
  }),
  step("item", {
    reserve: ({ orderId, details }: OrderMessage) =>
      items.reserve(orderId, String(details.item), 1),
    cancel: ({ orderId, details }) => items.cancel(orderId, String(details.item), 1),
    refusal: "Can not reserve the item",
  }),
  step("slot", {
    reserve: ({ orderId, details }: OrderMessage) => slots.reserve(orderId, details.slot, 1),
    cancel: ({ orderId, details }) => slots.cancel(orderId, details.slot, 1),
    refusal: "Can not get the delivery slot",
  }),
]
