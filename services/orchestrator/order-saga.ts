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
    reserve: ({ orderId, item }: OrderMessage) => items.reserve(orderId, String(item), 1),
    cancel: ({ orderId, item }) => items.cancel(orderId, String(item), 1),
    refusal: "Can not reserve the item",
  }),
  step("slot", {
    reserve: ({ orderId, slot }: OrderMessage) => slots.reserve(orderId, slot, 1),
    cancel: ({ orderId, slot }) => slots.cancel(orderId, slot, 1),
    refusal: "Can not get the delivery slot",
  }),
]
