/** The saga's steps, and what a call for a step says and leaves in an order's timeline. */
import type { Command, OrderMessage, TimelineEntry } from "./wire.ts"

export interface Step {
  readonly step: string
  /** Where the participants' program answers for it. */
  readonly path: string
  /** What an order takes from it. */
  readonly takes: (order: OrderMessage) => readonly [resource: string, quantity: number]
  /** Why an order fails that is rejected here. */
  readonly refusal: string
}

/** In the order in which they reserve. */
export const steps: ReadonlyArray<Step> = [
  {
    step: "money",
    path: "/billing",
    takes: ({ username, amountMinor }) => [username, amountMinor],
    refusal: "Not enough money",
  },
  {
    step: "item",
    path: "/items",
    takes: ({ details }) => [String(details.item), 1],
    refusal: "Can not reserve the item",
  },
  {
    step: "slot",
    path: "/slots",
    takes: ({ details }) => [details.slot, 1],
    refusal: "Can not get the delivery slot",
  },
]

export const stepNames: ReadonlyArray<string> = steps.map(({ step }) => step)

export const commandOf = (
  { takes }: Step,
  action: Command["action"],
  order: OrderMessage,
): Command => {
  const [resource, quantity] = takes(order)
  return { orderId: order.orderId, action, resource, quantity }
}

/** Makes the timeline entries of a call that has just been answered. */
export const entriesOf = ({ step }: Step, action: Command["action"], startedAtMs: number) => {
  const nowMs = Date.now()
  const at = new Date(nowMs).toISOString()
  return (outcome: TimelineEntry["outcome"]): TimelineEntry => ({
    ...{ step, action, outcome, attempts: 1, at },
    durationMs: nowMs - startedAtMs,
  })
}
