/** The four orders of the demo and how each must end: three fail, and one succeeds. */
import { orderSaga, type OrderStep } from "#shared/contracts/order-saga.ts"
import type {
  FailureReason,
  OrderDetails,
  OrderStatus,
  TimelineEntry,
} from "#shared/contracts/order-state.ts"
import type { NewOrder } from "#shared/contracts/order.ts"

/** A step and its outcome, such as "money reserved". */
type Step = `${TimelineEntry["step"]} ${TimelineEntry["outcome"] | "given back"}`

/** How an order ended, and what its customer has left. */
export interface Ending {
  readonly status: OrderStatus
  readonly reason: FailureReason | null
  readonly steps: ReadonlyArray<Step>
  readonly wallet: number
}

export interface Scene {
  readonly title: string
  readonly order: Extract<NewOrder, { readonly item: number }>
  readonly ending: Ending
  /** What to do when the order ends differently without a fault in the system. */
  readonly remedy?: string
}

/** The wallet of a new customer. Every order that fails gives back everything. */
export const startingWallet = 100

/** The steps before the refused one are given back, last first. */
const refusedAt = (refused: OrderStep["step"]): Ending => {
  const row = orderSaga.findIndex(({ step }) => step === refused)
  const before = orderSaga.slice(0, row).map(({ step }) => step)
  return {
    status: "failed",
    reason: orderSaga[row]?.refusal ?? null,
    steps: [
      ...before.map((step): Step => `${step} reserved`),
      `${refused} rejected`,
      ...before.toReversed().map((step): Step => `${step} given back`),
    ],
    wallet: startingWallet,
  }
}

export const scenario: ReadonlyArray<Scene> = [
  {
    title: "a delivery slot that does not exist",
    order: { amount: 5, item: 1, slot: "19:00" },
    ending: refusedAt("slot"),
  },
  {
    title: "an item that does not exist",
    order: { amount: 5, item: 15, slot: "09:00" },
    ending: refusedAt("item"),
  },
  {
    title: "more than the wallet holds",
    order: { amount: 110, item: 2, slot: "09:00" },
    ending: refusedAt("money"),
  },
  {
    title: "everything there is, for all the money",
    order: { amount: startingWallet, item: 1, slot: "09:00" },
    ending: {
      status: "completed",
      reason: null,
      steps: orderSaga.map(({ step }): Step => `${step} reserved`),
      wallet: 0,
    },
    remedy: "(Every run takes one item and one slot. When they are sold out, use a fresh system.)",
  },
]

/** How the order ended, in a form that can be compared with the scenario. */
export const endingOf = ({ status, reason, timeline }: OrderDetails, wallet: number): Ending => ({
  status,
  reason,
  steps: timeline.map(({ action, step, outcome }): Step =>
    action === "cancel" && outcome === "cancelled" ? `${step} given back` : `${step} ${outcome}`
  ),
  wallet,
})

/** Every expectation that did not hold, with the actual value. */
export const differences = (expected: Ending, got: Ending): ReadonlyArray<string> =>
  (["status", "reason", "steps", "wallet"] as const)
    .map((what) => [what, said(expected[what]), said(got[what])] as const)
    .filter(([, expected, got]) => expected !== got)
    .map(([what, expected, got]) => `${what}: expected ${expected}, but got ${got}`)

const said = (value: Ending[keyof Ending]): string =>
  (Array.isArray(value) ? value.join(", ") : String(value ?? "")) || "none"
