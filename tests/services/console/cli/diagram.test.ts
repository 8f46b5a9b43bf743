import { assert, describe, it } from "@effect/vitest"
import { drawDiagram } from "#services/console/cli/diagram.ts"
import { coloured, toAscii } from "#services/console/cli/terminal.ts"
import { cancel, orderWith, reserve, withoutSlot } from "./orders.ts"

/** The drawing without its first and last lines, which are the same for every order. */
const rows = (drawing: string) => drawing.split("\n").slice(2, -1).join("\n")

describe("drawDiagram", () => {
  it("draws a failed order: what was tried, what failed, and what was reverted", () => {
    assert.strictEqual(
      drawDiagram(withoutSlot),
      `
 orchestrator                      billing            items             slots
       │                              │                 │                 │
       │── try to reserve 5 ─────────►│                 │                 │
       │◄- ok ------------------------│                 │                 │     1 ms
       │── try to reserve item 1 ─────┼────────────────►│                 │
       │◄- ok ------------------------┼-----------------│                 │     2 ms
       │── try to reserve slot 19:00 ─┼─────────────────┼────────────────►│
       │◄- fail ----------------------┼-----------------┼-----------------│     3 ms
       │── revert item ───────────────┼────────────────►│                 │
       │◄- ok ------------------------┼-----------------│                 │     4 ms
       │── revert money ─────────────►│                 │                 │
       │◄- ok ------------------------│                 │                 │     5 ms
       │                              │                 │                 │`.slice(1),
    )
  })

  it("draws an order without a timeline", () => {
    assert.strictEqual(
      drawDiagram(orderWith([])),
      `
 orchestrator                      billing            items             slots
       │                              │                 │                 │
       │                              │                 │                 │`.slice(1),
    )
  })

  it("shows the number of attempts when there was more than one", () => {
    const timeline = [
      { ...reserve("money"), attempts: 3, durationMs: 1234.56 },
      { ...cancel("money"), attempts: 12 },
    ]
    assert.strictEqual(
      rows(drawDiagram(orderWith(timeline))),
      `
       │── try to reserve 5 ─────────►│                 │                 │
       │◄- ok after 3 attempts -------│                 │                 │  1235 ms
       │── revert money ─────────────►│                 │                 │
       │◄- ok after 12 attempts ------│                 │                 │     2 ms`.slice(1),
    )
  })

  it("shows a reserve of a cancelled order as already reverted", () => {
    assert.strictEqual(
      rows(drawDiagram(orderWith([reserve("item", "cancelled")]))),
      `
       │── try to reserve item 1 ─────┼────────────────►│                 │
       │◄- already reverted ----------┼-----------------│                 │     1 ms`.slice(1),
    )
  })

  it("makes room for the largest possible amount", () => {
    const [request = "", answer = ""] = rows(
      drawDiagram(orderWith([reserve("money")], { amount: 999_999_999.99 })),
    ).split("\n")
    assert.include(request, "── try to reserve 999999999.99 ►│")
    assert.isAtMost(answer.length, 100)
  })

  it("is the same drawing in ASCII, character by character", () => {
    assert.strictEqual(
      toAscii(drawDiagram(orderWith([reserve("slot", "rejected")]))),
      `
 orchestrator                      billing            items             slots
       |                              |                 |                 |
       |-- try to reserve slot 19:00 -|-----------------|---------------->|
       |<- fail ----------------------|-----------------|-----------------|     1 ms
       |                              |                 |                 |`.slice(1),
    )
  })

  it("is the same drawing in colour, except for the colours", () => {
    const drawing = drawDiagram(withoutSlot, coloured)
    // deno-lint-ignore no-control-regex
    assert.strictEqual(drawing.replace(/\x1b\[\d+m/g, ""), drawDiagram(withoutSlot))
    assert.include(drawing, "\x1b[31m fail \x1b[0m")
    assert.include(drawing, "\x1b[33m revert item \x1b[0m")
  })
})
