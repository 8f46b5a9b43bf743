/**
 * Items: the stock for orders. A participant of the order saga; the first start creates ten items.
 */
import { join } from "node:path"
import { participant } from "#shared/reservations/participant.ts"

export const items = participant({
  name: "items",
  description: "Item stock, reserved and released by the orchestrator.",
  one: "item",
  table: "items",
  key: "id",
  balance: "stock",
  title: "name",
  migrations: join(import.meta.dirname!, "migrations"),
  prefill: Array.from({ length: 10 }, (_, n) => ({ id: `${n + 1}`, name: `Item${n}` })),
  opening: "ITEM_STOCK",
})
