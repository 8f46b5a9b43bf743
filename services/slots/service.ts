/**
 * Slots: how many deliveries fit into each hour. A participant of the order saga; the first start
 * creates ten hours.
 */
import { participant } from "#shared/reservations/participant.ts"

export const slots = participant({
  name: "slots",
  description: "Delivery slots, reserved and released by the orchestrator.",
  one: "slot",
  table: "slots",
  key: "time",
  balance: "capacity",
  prefill: Array.from({ length: 10 }, (_, hour) => ({ time: `0${hour}:00` })),
  opening: "SLOT_CAPACITY",
})
