import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { place, sharedOrders, someone, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

const orders = sharedOrders()

const post = (body: unknown) => orders().call("/api/orders/", { body })

describe("POST /api/orders/", () => {
  it.live("stores an order of either form, and answers with it", () =>
    Effect.gen(function* () {
      for (
        const order of [
          { amount: 100, item: 1, slot: "09:00" },
          { amount: 100, details: { item: 1, slot: "09:00" } },
        ]
      ) {
        const { status, headers, body } = yield* post(order)
        assert.strictEqual(status, 201)
        assert.strictEqual(headers.get("content-type"), "application/json")
        assert.strictEqual(headers.get("location"), `/api/orders/${body.id}`)
        assert.deepStrictEqual(body, {
          id: body.id,
          username: "ann",
          amount: 100,
          item: 1,
          slot: "09:00",
          details: { item: 1, slot: "09:00" },
          status: "pending",
          success: null,
          reason: null,
          createdAt: body.createdAt,
          decidedAt: null,
        })
        assert.approximately(Date.parse(body.createdAt), Date.now(), 5000)
        const found = yield* orders().call(`/api/orders/${body.id}`)
        assert.deepStrictEqual(found.body, { ...body, timeline: [], stuck: null })
      }
    }))

  it.live("gives UUIDs of version 7, which sort orders by time", () =>
    Effect.gen(function* () {
      const user = someone()
      const first = yield* place(orders(), { user })
      const together = yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => place(orders(), { user }),
        { concurrency: "unbounded" },
      )
      const last = yield* place(orders(), { user })
      const ids = [first, ...together, last].map(({ id }) => id)
      for (const id of ids) {
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      }
      // Simultaneous orders have no sequence among themselves, but all come after the first and
      // before the last.
      const sorted = ids.toSorted()
      assert.strictEqual(new Set(ids).size, 102)
      assert.deepStrictEqual([sorted[0], sorted.at(-1)], [first.id, last.id])
      const inId = Number.parseInt(first.id.replace("-", "").slice(0, 12), 16)
      assert.approximately(inId, Date.parse(first.createdAt), 1_000)
    }))

  it.live.each([
    0.01,
    0.1 + 0.2,
    0.29,
    1.1,
    19.99,
    1.005 * 100,
    4.35,
    123456.78,
    999999999.99,
    1e9,
  ])(
    "keeps an amount of %d exactly, to the minor unit",
    (amount) =>
      Effect.gen(function* () {
        // Amounts with more decimals than allowed are refused, not rounded.
        const { status, body } = yield* post({ ...wanted, amount })
        if (Number(amount.toFixed(2)) !== amount) return assert.strictEqual(status, 400)
        assert.strictEqual(body.amount, amount)
        const [row] = yield* Effect.promise(() =>
          orders().sql<[{ amount: string }]>`select amount from orders where id = ${body.id}`
        )
        assert.strictEqual(row.amount, amount.toFixed(2).replace(/^0\.0?|\./, ""))
      }),
  )

  it.live.each(
    [
      ["no amount", { item: 1, slot: "09:00" }],
      ["an amount of zero", { ...wanted, amount: 0 }],
      ["a negative amount", { ...wanted, amount: -1 }],
      ["a part of a minor unit", { ...wanted, amount: 0.001 }],
      ["more than a billion", { ...wanted, amount: 1_000_000_000.01 }],
      ["an amount as text", { ...wanted, amount: "10" }],
      ["half an item", { ...wanted, item: 1.5 }],
      ["an item that is not a number", { ...wanted, item: null }],
      ["a slot that is not a time", { ...wanted, slot: "25:00" }],
      ["a username", { ...wanted, username: "bob" }],
      ["both forms in one", { ...wanted, details: { item: 1, slot: "09:00" } }],
      ["a list", [wanted]],
    ] as const,
  )("refuses %s", ([, body]) =>
    Effect.gen(function* () {
      const answer = yield* post(body)
      assert.strictEqual(answer.status, 400)
      assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      assert.strictEqual(answer.body.code, "invalid_request")
    }))

  it.live("is for users only", () =>
    Effect.gen(function* () {
      const nobody = yield* orders().call("/api/orders/", { user: null, body: wanted })
      assert.strictEqual(nobody.status, 401)
    }))

  it.live("puts an order on the queue right after it is stored", () =>
    Effect.gen(function* () {
      const { id, createdAt } = yield* place(orders(), { user: "queuer" })
      const messages = Effect.map(
        orders().published,
        (all) => all.filter(({ orderId }) => orderId === id),
      )
      yield* until("the order is on the queue", Effect.map(messages, ({ length }) => length > 0))
      assert.deepStrictEqual(yield* messages, [{
        orderId: id,
        username: "queuer",
        amountMinor: 1999,
        details: { item: 1, slot: "09:00" },
        steps: ["money", "item", "slot"],
        createdAtMs: Date.parse(createdAt),
        republished: 0,
      }])
    }))
})
