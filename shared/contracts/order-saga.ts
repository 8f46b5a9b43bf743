/**
 * The order saga: what is reserved for an order, in which order, and why an order fails. This is
 * the whole of it: all that has to know the steps (commands, reasons, timeline, audit, retention,
 * addresses, the demo) derives from this table.
 */
import type { OrderContent } from "./order.ts"

/** A row of the table. */
export interface Step {
  readonly step: string
  /** The participant that reserves it, a service of the roster. */
  readonly at: string
  /** The resource and the quantity that an order takes, the same at every call. */
  readonly takes: (order: OrderContent) => readonly [resource: string, quantity: number]
  /** Why an order fails whose reservation is rejected, word for word. */
  readonly refusal: string
  /**
   * Whether others want it too, so that they may be refused while an order holds it that fails
   * later. What an order takes of its own customer costs nobody anything to refuse, and is tried
   * first.
   */
  readonly scarce: boolean
}

/**
 * Reserve the money, then the item, then the delivery slot; when one is refused, give back the
 * others, last first. An order remembers the steps that were here when it was accepted, so a row
 * may be added any time; one that orders in flight still have is neither renamed nor moved.
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
