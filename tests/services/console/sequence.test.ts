/** The drawing of an order: its messages, their lanes, and what participants hold meanwhile. */
import { describe, expect, it } from "vitest"
import { layOut } from "#services/console/sequence-layout.ts"
import { heldAfter, lanes, type Message, sequenceOf } from "#services/console/sequence.ts"
import { answerWords, requestWords } from "#services/console/words.ts"
import { orderWith, reserve, withoutSlot } from "#tests/services/console/cli/orders.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"

const completed = orderWith([reserve("money"), reserve("item"), reserve("slot")], {
  status: "completed",
  success: true,
})

const sagaThat = (changes: Partial<RunningSaga>): RunningSaga => ({
  orderId: OrderId.make("01a206d7-3b85-7336-90db-8dc611f3d425"),
  orchestrator: "one",
  action: "reserve",
  step: "item",
  attempts: 3,
  since: "2026-01-01T00:00:02.000Z",
  cause: "items: connection refused",
  nextAttemptAt: "2026-01-01T00:00:09.000Z",
  holds: ["money"],
  timeline: [],
  ...changes,
})

const kinds = (messages: ReadonlyArray<Message>) =>
  messages.map(({ kind, step, to }) => `${kind} ${step ?? to}`)

describe("sequenceOf", () => {
  it("shows a completed order from placing it to telling the customer", () => {
    expect(kinds(sequenceOf(completed))).toEqual([
      "place orders",
      "reserve money",
      "reserve item",
      "reserve slot",
      "complete orders",
      "tell customer",
    ])
  })

  it("has the abort between the reserves and the cancels, and the end last", () => {
    expect(kinds(sequenceOf(withoutSlot))).toEqual([
      "place orders",
      "reserve money",
      "reserve item",
      "reserve slot",
      "abort orders",
      "cancel item",
      "cancel money",
      "settle orders",
      "tell customer",
    ])
  })

  it("shows the abort of a cancelled order as the customer's", () => {
    const cancelled = orderWith([], { status: "compensating", reason: "Order cancelled" })
    expect(sequenceOf(cancelled).at(-1)).toMatchObject({ kind: "abort", from: "customer" })
    const timedOut = orderWith([], { status: "compensating", reason: "Order timed out" })
    expect(sequenceOf(timedOut).at(-1)).toMatchObject({ kind: "abort", from: "orchestrator" })
  })

  it("ends with what the saga waits for, after its unrecorded steps", () => {
    const timeline = orderWith([reserve("money")]).timeline
    const sequence = sequenceOf(orderWith([]), sagaThat({ timeline }))
    expect(kinds(sequence)).toEqual(["place orders", "reserve money", "reserve item"])
    expect(sequence.at(-1)).toMatchObject({
      to: "items",
      outcome: null,
      attempts: 3,
      cause: "items: connection refused",
    })
    // Between two looks, the register may have recorded the step.
    const both = sequenceOf(orderWith([reserve("money")]), sagaThat({ timeline }))
    expect(kinds(both)).toEqual(kinds(sequence))
  })

  it("has no pending message for a final order, even if an old saga has one", () => {
    expect(sequenceOf(completed, sagaThat({})).at(-1)).toMatchObject({ kind: "tell" })
  })

  it("has words for each message and for each answer", () => {
    const words = sequenceOf(withoutSlot).map((message) => [
      requestWords(message, withoutSlot),
      answerWords(message),
    ])
    expect(words).toEqual([
      ["place the order", "stored, pending"],
      ["reserve 5.00", "reserved"],
      ["reserve item 1", "reserved"],
      ["reserve slot 19:00", "rejected"],
      ["abort: Can not get the delivery slot", "compensating"],
      ["undo item 1", "undone"],
      ["undo 5.00", "undone"],
      ["settle: nothing is held", "failed"],
      ["failed: Can not get the delivery slot", null],
    ])
    const [, again] = sequenceOf(orderWith([{ ...reserve("money"), attempts: 4 }]))
    expect(answerWords(again!)).toBe("reserved after 4 attempts")
  })
})

describe("heldAfter", () => {
  it("is everything for a completed order, and nothing for a failed one", () => {
    expect([...heldAfter(sequenceOf(completed))]).toEqual(["money", "item", "slot"])
    expect([...heldAfter(sequenceOf(withoutSlot))]).toEqual([])
    const undoing = { ...withoutSlot, timeline: withoutSlot.timeline.slice(0, 4) }
    expect([...heldAfter(sequenceOf(undoing))]).toEqual(["money"])
  })

  it("does not count a reserve of a cancelled order as held", () => {
    expect([...heldAfter(sequenceOf(orderWith([reserve("item", "cancelled")])))]).toEqual([])
  })
})

describe("layOut", () => {
  for (const width of [328, 640, 1000]) {
    it(`keeps everything within ${width} pixels, in its lane, and in sequence`, () => {
      const { heads, rows, bars, bottom, height } = layOut(sequenceOf(withoutSlot), width)
      expect(heads.map(({ lane }) => lane)).toEqual(lanes)
      const xs = heads.map(({ x }) => x)
      expect(xs).toEqual([...xs].sort((a, b) => a - b))
      expect(Math.min(...xs)).toBeGreaterThan(0)
      expect(Math.max(...xs)).toBeLessThan(width)
      const heights = rows.flatMap(({ y1, y2 }) => y2 === 0 ? [y1] : [y1, y2])
      expect(heights).toEqual([...new Set(heights)].sort((a, b) => a - b))
      expect(heights.at(-1)).toBeLessThan(bottom)
      expect(bottom).toBeLessThan(height)
      for (const { x, y1, y2 } of bars) {
        expect(xs).toContain(x)
        expect(y2).toBeGreaterThan(y1)
      }
    })
  }

  it("draws a bar from a reserve to its cancel, or to the bottom", () => {
    const undone = layOut(sequenceOf(withoutSlot), 800)
    expect(undone.bars.map(({ step, open }) => [step, open])).toEqual([
      ["money", false],
      ["item", false],
    ])
    const [money, item] = undone.bars
    expect(item!.y2).toBeLessThan(money!.y2)
    const kept = layOut(sequenceOf(completed), 800)
    expect(kept.bars.map(({ open, y2 }) => [open, y2])).toEqual(Array(3).fill([true, kept.bottom]))
  })

  it("has the same height for no messages and for a few, so that the page does not jump", () => {
    expect(layOut([], 800).height).toBe(
      layOut(sequenceOf(orderWith([reserve("money")])), 800).height,
    )
  })
})
