/**
 * The participants' routes for the console, from outside: what they show, and which requests they
 * refuse as malformed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { order, reserve } from "./participant.ts"
import { startParticipant } from "./running-participant.ts"

const start = Effect.fnUntraced(function* (name: "billing" | "items" | "slots") {
  const { call, sql, token } = yield* startParticipant(name)
  const asConsole = yield* token("console")
  const asOrchestrator = yield* token("orchestrator")
  const ask = (path: string, body?: unknown) =>
    call(path, { token: asConsole, ...(body !== undefined && { body }) })
  return { ask, call, sql, asOrchestrator }
})

describe("the routes for the console", () => {
  it.live("show the stock, the ledger, and the records of orders", () =>
    Effect.gen(function* () {
      const { ask, call, asOrchestrator } = yield* start("items")
      const commands = [reserve(1, "1"), reserve(2, "none")]
      yield* call("/internal/reservations", { token: asOrchestrator, body: { commands } })
      const stock = yield* ask("/internal/stock?prefix=1&limit=1")
      assert.deepStrictEqual(stock.body, {
        stock: [{ resource: "1", title: "Item0", left: 99, taken: 1 }],
        next: "1",
      })
      const next = yield* ask("/internal/stock?prefix=1&after=1")
      assert.deepStrictEqual(next.body, {
        stock: [{ resource: "10", title: "Item9", left: 100, taken: 0 }],
        next: null,
      })
      const ledger = yield* ask("/internal/adjustments")
      assert.deepStrictEqual(ledger.body, { adjustments: [], next: null })
      const records = yield* ask("/internal/records", { orderIds: [1, 2, 3].map(order) })
      assert.deepStrictEqual(
        records.body.reservations.map(({ orderId, outcome }: Record<string, string>) => [
          orderId,
          outcome,
        ]),
        [[order(2), "rejected"], [order(1), "reserved"]],
      )
      const many = Array.from({ length: maxBatch }, (_, n) => order(n))
      assert.strictEqual((yield* ask("/internal/records", { orderIds: many })).status, 200)
    }))

  it.live("show a slot or an item that was added by hand, and whose books balance", () =>
    Effect.gen(function* () {
      const { ask, call, sql, asOrchestrator } = yield* start("slots")
      yield* Effect.promise(() => sql`insert into slots (time, capacity) values ('10:00', 7)`)
      const { body } = yield* ask("/internal/stock?prefix=10")
      assert.deepStrictEqual(body.stock, [
        { resource: "10:00", title: null, left: 7, taken: 0 },
      ])
      const books = yield* call("/internal/books", { token: asOrchestrator })
      assert.deepStrictEqual(books.body, { resources: 11, imbalanced: [] })
    }))

  it.live("refuse malformed requests", () =>
    Effect.gen(function* () {
      const { ask } = yield* start("billing")
      const wrong = [
        "/internal/stock?limit=0",
        "/internal/stock?limit=501",
        "/internal/stock?prefix=",
        `/internal/stock?prefix=${"a".repeat(151)}`,
        "/internal/stock?after=%00",
        "/internal/stock?before=a",
        "/internal/adjustments?after=0",
        "/internal/adjustments?after=1.5",
        "/internal/adjustments?limit=many",
      ]
      for (const path of wrong) {
        const { status, body } = yield* ask(path)
        assert.deepStrictEqual([status, body.code], [400, "invalid_request"], path)
      }
      for (
        const orderIds of [
          [],
          ["1"],
          Array.from({ length: maxBatch + 1 }, (_, n) => order(n)),
        ]
      ) {
        assert.strictEqual((yield* ask("/internal/records", { orderIds })).status, 400)
      }
    }))
})
