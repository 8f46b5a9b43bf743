import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { columns, outputOf, spanOf } from "#services/console/cli/output.ts"
import { printPages } from "#services/console/cli/paging.ts"
import { newsOf } from "#services/console/cli/watch.ts"
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import { cancel, orderWith, reserve } from "./orders.ts"

describe("columns", () => {
  it("are aligned below their names, without control characters", () => {
    const { heading, row } = columns<{ name: string; count: number }>([
      { name: "NAME", width: 6, of: ({ name }) => name },
      { name: "COUNT", width: 5, right: true, of: ({ count }) => `${count}` },
      { name: "LAST", width: 0, of: () => "" },
    ])
    assert.strictEqual(heading, "NAME    COUNT  LAST")
    assert.strictEqual(row({ name: "a\u001bb", count: 12 }), "a?b        12")
  })
})

describe("spanOf", () => {
  it("takes the largest unit that fits", () => {
    const spans = [-5, 0, 119_000, 120_000, 7_260_000, 48 * 3_600_000].map(spanOf)
    assert.deepStrictEqual(spans, ["0 s", "0 s", "119 s", "2 m", "2 h", "2 d"])
  })
})

describe("printPages", () => {
  it.effect("continues after an empty page, and stops at the limit", () =>
    Effect.gen(function* () {
      const pages = new Map([
        [undefined, { rows: [1, 2], next: "a" }],
        ["a", { rows: [], next: 7 }],
        ["7", { rows: [3], next: "b" }],
      ])
      const printed: Array<number> = []
      const out = { ...outputOf(true), note: () => Effect.void }
      const count = yield* printPages(
        { rows: 3, after: undefined },
        out,
        ({ after }) => Effect.succeed(pages.get(after)!),
        {
          heading: "",
          print: (row) => Effect.sync(() => void printed.push(row)),
        },
      )
      assert.deepStrictEqual([printed, count], [[1, 2, 3], 3])
    }))
})

describe("the news of an order", () => {
  const seen = (order: ReturnType<typeof orderWith>): OneOrder => ({
    order: {
      ...order,
      steps: ["money", "item", "slot"],
      cancelled: false,
      traceId: null,
      republished: 0,
      republishAt: null,
    },
    saga: null,
    records: [],
    letter: null,
    unavailable: [],
  })

  it("are printed once, whether the register or the saga has them first", () => {
    const news = newsOf()
    const timed = {
      ...reserve("money"),
      attempts: 1,
      at: "2026-01-01T00:00:01.000Z",
      durationMs: 5,
    }
    const pending = orderWith([], { status: "pending" })
    const one = seen(pending)
    const saga = {
      orderId: pending.id,
      orchestrator: "one",
      action: "reserve" as const,
      step: "item" as const,
      attempts: 3,
      since: new Date().toISOString(),
      cause: "items cannot be reached",
      nextAttemptAt: null,
      holds: ["money" as const],
      timeline: [timed],
    }
    assert.lengthOf(news(one), 1)
    const [reserved, wait] = news({ ...one, saga })
    assert.match(reserved!, / {2}reserve money: reserved \(5 ms\)$/)
    assert.match(wait!, /^reserve item \(one\), attempt 3 after 0 s: items cannot .*; holds money$/)
    assert.deepStrictEqual(news({ ...one, saga }), [])
    const ended = orderWith([timed, { ...cancel("money"), at: "2026-01-01T00:00:02.000Z" }], {
      status: "failed",
    })
    const last = news(seen({ ...ended, reason: "Order cancelled" }))
    assert.lengthOf(last, 2)
    assert.strictEqual(last[1], `${pending.id} is failed (Order cancelled)`)
  })
})
