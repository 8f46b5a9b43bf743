/** The plain sentence of why an order stands as it does. */
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
      "billing, items and slots have each reserved their part, so the order keeps all of it.",
    ],
    [
      "completed by the steps that there were when it was accepted",
      { order: orderWith([reserve("money"), reserve("slot")], { status: "completed" }) },
      "billing and slots have each reserved their part, so the order keeps all of it.",
    ],
    [
      "refused at the last step",
      { order: withoutSlot },
      "slots rejected slot 19:00: “Can not get the delivery slot”. The item and the money were undone, " +
      "last first: it holds nothing.",
    ],
    [
      "refused at the first step",
      {
        order: orderWith([reserve("money", "rejected")], {
          status: "failed",
          reason: "Not enough money",
        }),
      },
      "billing rejected 5.00: “Not enough money”. Nothing had been reserved before, so there was " +
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
      "It was not decided before its deadline. The slot, the item and the money were undone, last " +
      "first: it holds nothing.",
    ],
    [
      "cancelled, and not undone yet",
      { order: orderWith([cancel("slot")], { status: "compensating", reason: "Order cancelled" }) },
      "It was cancelled before it was decided. The slot was undone. What it holds is being undone.",
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
      "slots rejected slot 19:00: “Can not get the delivery slot”. The item was undone. Undoing is " +
      "stuck: billing did not undo the money at 7 attempts (billing cannot be reached). It is tried " +
      "again until it is done.",
    ],
    [
      "stuck, as its saga knows better than the register",
      {
        order: { ...withoutSlot, status: "compensating", timeline: [], stuck },
        saga: { ...saga, action: "cancel", step: "item", attempts: 1 },
      },
      "slots rejected slot 19:00: “Can not get the delivery slot”. Undoing is stuck: items did not undo " +
      "the item at 1 attempt (items cannot be reached). It is tried again until it is done.",
    ],
    [
      "pending at a participant that is away",
      { order: orderWith([]), saga },
      "Its saga cannot reserve the item at items: items cannot be reached. It is tried again until it " +
      "works, or until the order's deadline.",
    ],
    [
      "pending at work",
      { order: orderWith([]), saga: { ...saga, cause: null } },
      "Its saga is about to reserve the item at items.",
    ],
    [
      "pending in the queue",
      { order: orderWith([]) },
      "No orchestrator that could be asked has it in hand: it waits in the queue, or to be put there " +
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

it("says durations as people do, and never 60 s or 1000 ms", () => {
  const said = [0, 3.4, 999.6, 1_240, 59_499, 59_500, 90_000, 7_200_000, 200_000_000]
  expect(said.map(durationWords)).toEqual([
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

it("joins words as people do", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listWords)).toEqual([
    "",
    "a",
    "a and b",
    "a, b and c",
  ])
})
