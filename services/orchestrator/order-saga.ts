/** The order saga: what is reserved for an order, in which order, and why an order fails. This is the whole of it. */
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { step } from "#shared/saga/saga.ts"
import type { Participants } from "./participants.ts"

/** Reserve the money, then the item, then the delivery slot; when one is refused, give back the others, last first. */
export const orderSaga = (
  { billing, items, slots }: ReturnType<Participants["Service"]["of"]>,
  { username, amountMinor, item, slot }: OrderMessage,
) => [
  step("money", {
    reserve: billing.reserve(username, amountMinor),
    cancel: billing.cancel(username, amountMinor),
    refusal: "Not enough money",
  }),
  step("item", {
    reserve: items.reserve(String(item), 1),
    cancel: items.cancel(String(item), 1),
    refusal: "Can not reserve the item",
  }),
  step("slot", {
    reserve: slots.reserve(slot, 1),
    cancel: slots.cancel(slot, 1),
    refusal: "Can not get the delivery slot",
  }),
]
