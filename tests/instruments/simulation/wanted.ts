/** What an order wants of each participant, and which participant refuses it as malformed. */
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { poisonFor } from "./wish.ts"
import { participants, stepAt } from "./services.ts"
import type { OrderRow } from "./tables/order-table.ts"

/** What an order wants of each participant. */
export const wantedOf = (order: OrderRow) =>
  forEachParticipant((_, { takes }) => {
    const [resource, quantity] = takes(order)
    return { resource, quantity }
  })

/** The participants of an order, by its steps. */
export const needed = ({ steps }: OrderRow) =>
  participants.filter((name) => steps.includes(stepAt[name]))

/** The participant that refuses the order as malformed. */
export const refusing = (order: OrderRow) =>
  needed(order).find((name) => wantedOf(order)[name].resource === poisonFor(name))
