/** What an order wants of each participant, and which participant refuses it as malformed. */
import { poison } from "./wish.ts"
import { participants, stepAt } from "./services.ts"
import type { OrderRow } from "./tables/order-table.ts"

/** What an order wants of each participant. */
export const wantedOf = ({ username, amountMinor, details: { item, slot } }: OrderRow) => ({
  billing: { resource: username, quantity: amountMinor },
  items: { resource: `${item}`, quantity: 1 },
  slots: { resource: slot, quantity: 1 },
})

/** The participants of an order, by its steps. */
export const needed = ({ steps }: OrderRow) =>
  participants.filter((name) => steps.includes(stepAt[name]))

/** The participant that refuses the order as malformed. */
export const refusing = (order: OrderRow) =>
  needed(order).find((name) => wantedOf(order)[name].resource === poison[name])
