/**
 * The order saga: what an order reserves, in which sequence, and why it fails. Everything that
 * depends on the steps (commands, reasons, timeline, audit, retention, addresses, the demo) derives
 * from this table.
 */
import type { OrderContent } from "./order.ts"

/** A row of the table. */
export interface Step {
  readonly step: string
  /** The participant that reserves it, a service of the roster. */
  readonly at: string
  /** The resource and the quantity that an order takes: a pure function, the same at every call. */
  readonly takes: (order: OrderContent) => readonly [resource: string, quantity: number]
  /** Why an order fails when this reservation is rejected, word for word. */
  readonly refusal: string
  /**
   * Whether customers compete for it: while an order that fails later holds it, others may be
   * refused. What is not scarce, such as the customer's own money, is reserved first.
   */
  readonly scarce: boolean
}

/**
 * Reserves the money, then the item, then the delivery slot. When one is rejected, the earlier ones
 * are given back, last first. An order remembers the steps with which it was accepted, so a row may
 * be added at any time; a row that orders in flight have is neither renamed nor moved.
 */
export const orderSaga = [
  {
    step: "money",
    at: "billing",
    takes: ({ username, amountMinor }) => [username, amountMinor],
    refusal: "Not enough money",
    scarce: false,
  },
  {
    step: "item",
    at: "items",
    takes: ({ details }) => [String(details.item), 1],
    refusal: "Can not reserve the item",
    scarce: true,
  },
  {
    step: "slot",
    at: "slots",
    takes: ({ details }) => [details.slot, 1],
    refusal: "Can not get the delivery slot",
    scarce: true,
  },
] as const satisfies ReadonlyArray<Step>

export type OrderStep = (typeof orderSaga)[number]
export type ParticipantName = OrderStep["at"]

/** The participants, in the order in which a saga reserves. */
export const participantNames: ReadonlyArray<ParticipantName> = orderSaga.map(({ at }) => at)

/** The steps of an order that is accepted now. */
export const stepsInForce: ReadonlyArray<OrderStep["step"]> = orderSaga.map(({ step }) => step)
