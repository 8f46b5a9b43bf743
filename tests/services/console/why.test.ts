/** The sentence that says why an order is in its state. */
import { expect, it } from "vitest"
import { durationWords, listWords } from "#services/console/words.ts"
import { why } from "#services/console/why.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { DeadLetterView } from "#shared/contracts/queue.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"
import { cancel, orderWith, reserve, withoutSlot } from "#tests/services/console/cli/orders.ts"

const orderId = OrderId.make("01a206d7-3b85-7336-90db-8dc611f3d425")

const saga: RunningSaga = {
  orderId,
  orchestrator: "one",
  action: "reserve",
  step: "item",
  attempts: 3,
  since: "2026-01-01T00:00:02.000Z",
  cause: "items cannot be reached.",
  nextAttemptAt: "2026-01-01T00:00:09.000Z",
  holds: ["money"],
  timeline: [],
}

const letter: DeadLetterView = {
  id: "1-0",
  orderId,
  cause: "billing refuses it",
  count: 1,
  buriedAt: "2026-01-01T00:00:02.000Z",
  ageMs: 1,
  payload: [],
  unreadable: null,
}

const stuck = {
  step: "money",
  cause: "billing cannot be reached",
  attempts: 7,
  nextAttemptAt: "2026-01-01T00:00:09.000Z",
} as const

it.each(
  [
    [
      "completed",
      {
        order: orderWith([reserve("money"), reserve("item"), reserve("slot")], {
          status: "completed",
        }),
      },
      "billing, items and slots have each reserved their part, so the order is complete.",
    ],
    [
      "completed by the steps with which it was accepted",
      { order: orderWith([reserve("money"), reserve("slot")], { status: "completed" }) },
      "billing and slots have each reserved their part, so the order is complete.",
    ],
    [
      "rejected at the last step",
      { order: withoutSlot },
      "slots rejected slot 19:00: “Can not get the delivery slot”. The item and the money were " +
      "undone, last first: the order holds nothing.",
    ],
    [
      "rejected at the first step",
      {
        order: orderWith([reserve("money", "rejected")], {
          status: "failed",
          reason: "Not enough money",
        }),
      },
      "billing rejected 5.00: “Not enough money”. Nothing had been reserved, so there was " +
      "nothing to undo.",
    ],
    [
      "too late",
      {
        order: orderWith([cancel("slot"), cancel("item"), cancel("money")], {
          status: "failed",
          reason: "Order timed out",
        }),
      },
      "The order was not decided before its deadline. The slot, the item and the money were " +
      "undone, last first: the order holds nothing.",
    ],
    [
      "cancelled, and not undone yet",
      { order: orderWith([cancel("slot")], { status: "compensating", reason: "Order cancelled" }) },
      "The order was cancelled before it was decided. The slot was undone. What the order holds " +
      "is being undone.",
    ],
    [
      "stuck while it is undone",
      {
        order: {
          ...withoutSlot,
          status: "compensating",
          timeline: withoutSlot.timeline.slice(0, 4),
          stuck,
        },
      },
      "slots rejected slot 19:00: “Can not get the delivery slot”. The item was undone. Undoing " +
      "is stuck: billing has not undone the money after 7 attempts (billing cannot be reached). " +
      "It is retried until it succeeds.",
    ],
    [
      "stuck, by its saga, which is ahead of the register",
      {
        order: { ...withoutSlot, status: "compensating", timeline: [], stuck },
        saga: { ...saga, action: "cancel", step: "item", attempts: 1 },
      },
      "slots rejected slot 19:00: “Can not get the delivery slot”. Undoing is stuck: items has " +
      "not undone the item after 1 attempt (items cannot be reached). It is retried until it " +
      "succeeds.",
    ],
    [
      "pending at an unavailable participant",
      { order: orderWith([]), saga },
      "Its saga cannot reserve the item at items: items cannot be reached. It is retried until " +
      "it succeeds, or until the order's deadline.",
    ],
    [
      "pending in its saga",
      { order: orderWith([]), saga: { ...saga, cause: null } },
      "Its saga is about to reserve the item at items.",
    ],
    [
      "pending in the queue",
      { order: orderWith([]) },
      "No orchestrator that answered is working on it: it waits in the queue, or to be put there " +
      "again.",
    ],
    [
      "pending as a dead letter",
      { order: orderWith([]), letter },
      "Its queue entry is a dead letter: billing refuses it.",
    ],
  ] as const,
)("says why an order is %s", (_, known, sentence) => {
  expect(why(known)).toBe(sentence)
})

it("rounds durations as people do, and never says 60 s or 1000 ms", () => {
  const durations = [0, 3.4, 999.6, 1_240, 59_499, 59_500, 90_000, 7_200_000, 200_000_000]
  expect(durations.map(durationWords)).toEqual([
    "0 ms",
    "3 ms",
    "1 s",
    "1.2 s",
    "59 s",
    "1 min",
    "2 min",
    "2 h",
    "2 days",
  ])
})

it("joins words with commas and 'and'", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listWords)).toEqual([
    "",
    "a",
    "a and b",
    "a, b and c",
  ])
})
