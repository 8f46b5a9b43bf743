/** Orders as the API shows them, with the timelines that tests need. */
import type { OrderDetails, TimelineEntry } from "#shared/contracts/order-state.ts"
import { OrderId } from "#shared/contracts/order.ts"

type Entry = Pick<TimelineEntry, "step" | "action" | "outcome"> & Partial<TimelineEntry>

export const reserve = (step: Entry["step"], outcome: Entry["outcome"] = "reserved"): Entry => ({
  step,
  action: "reserve",
  outcome,
})

export const cancel = (step: Entry["step"]): Entry => ({
  step,
  action: "cancel",
  outcome: "cancelled",
})

/**
 * An order of 5 for item 1 in slot 19:00 with this timeline, whose first call took 1 ms, the second
 * 2 ms, and so on.
 */
export const orderWith = (
  timeline: ReadonlyArray<Entry>,
  changes: Partial<OrderDetails> = {},
): OrderDetails => ({
  id: OrderId.make("01a206d7-3b85-7336-90db-8dc611f3d425"),
  username: "ada",
  amount: 5,
  item: 1,
  slot: "19:00",
  details: { item: 1, slot: "19:00" },
  status: "pending",
  success: null,
  reason: null,
  createdAt: "2026-01-01T00:00:00.000Z",
  decidedAt: null,
  stuck: null,
  timeline: timeline.map((entry, n) => ({
    attempts: 1,
    at: `2026-01-01T00:00:0${n + 1}.000Z`,
    durationMs: n + 1,
    ...entry,
  })),
  ...changes,
})

/** A failed order, like the first of the demo. */
export const withoutSlot = orderWith([
  reserve("money"),
  reserve("item"),
  reserve("slot", "rejected"),
  cancel("item"),
  cancel("money"),
], { status: "failed", success: false, reason: "Can not get the delivery slot" })
