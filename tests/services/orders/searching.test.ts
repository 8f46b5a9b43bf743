/** What operators find when they search orders. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { FoundOrder } from "#shared/contracts/order-search.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { askAs } from "./asking.ts"
import { place, sharedOrders, someone, wanted } from "./running-orders.ts"

const orders = sharedOrders()

const stuckAt = (step: "money" | "item" | "slot") =>
  ({ step, cause: "away", attempts: 3, nextAttemptAt: "2026-01-31T12:00:00.000Z" }) as const

/** Orders of two users in every state, each with a name. */
const someOrders = Effect.gen(function* () {
  const [ann, bob] = [someone(), someone()]
  const placeOf = (user: string, item = 1, slot = "09:00") =>
    Effect.map(place(orders(), { user, body: { ...wanted, item, slot } }), ({ id }) => id)
  const { decide } = orders()
  const made = {
    completed: yield* placeOf(ann, 3),
    poor: yield* placeOf(bob, 3, "23:45"),
    soldOut: yield* placeOf(ann, 4),
    undone: yield* placeOf(bob, 4),
    stuck: yield* placeOf(ann, 4),
    pending: yield* placeOf(bob, 3, "23:45"),
  }
  const abort = (orderId: OrderId, reason: "Not enough money" | "Can not reserve the item") =>
    ({ orderId, decision: "abort", reason }) as const
  yield* decide(
    { orderId: made.completed, decision: "complete" },
    abort(made.poor, "Not enough money"),
    abort(made.soldOut, "Can not reserve the item"),
    abort(made.undone, "Can not reserve the item"),
    abort(made.stuck, "Can not reserve the item"),
  )
  yield* decide(
    { orderId: made.poor, decision: "settle" },
    { orderId: made.soldOut, decision: "settle" },
    { ...abort(made.stuck, "Can not reserve the item"), stuck: stuckAt("money") },
  )
  const nameOf = new Map(Object.entries(made).map(([name, id]) => [id as string, name]))
  return { ann, bob, made, nameOf }
})

describe("GET /internal/order-search", () => {
  it.live("finds orders by each condition and by combinations of them, newest first", () =>
    Effect.gen(function* () {
      const { ann, bob, made, nameOf } = yield* someOrders
      const ask = yield* askAs(orders(), "console")
      const { body: whole } = yield* ask(`/internal/order-search/${made.undone}`)
      const found = (query: string) =>
        Effect.map(ask(`/internal/order-search?${query}`), ({ status, body }) => {
          assert.strictEqual(status, 200, JSON.stringify(body))
          // Orders of other tests have no name here.
          return body.orders.flatMap(({ id }: FoundOrder) => nameOf.get(id) ?? [])
        })
      const all = ["pending", "stuck", "undone", "soldOut", "poor", "completed"]
      const expected: Readonly<Record<string, ReadonlyArray<string>>> = {
        "limit=500": all,
        "status=pending": ["pending"],
        "status=compensating": ["stuck", "undone"],
        "status=stuck": ["stuck"],
        "status=failed": ["soldOut", "poor"],
        "status=completed": ["completed"],
        [`username=${ann}`]: ["stuck", "soldOut", "completed"],
        [`username=${ann}%25`]: [],
        [`username=${bob}&status=pending`]: ["pending"],
        "item=3": ["pending", "poor", "completed"],
        "item=4&status=compensating": ["stuck", "undone"],
        "item=4&status=failed": ["soldOut"],
        "slot=23:45": ["pending", "poor"],
        "slot=23:45&item=4": [],
        "reason=Not enough money": ["poor"],
        "reason=Can not reserve the item": ["stuck", "undone", "soldOut"],
        "reason=Order cancelled": [],
        "step=money": ["stuck", "poor"],
        "step=item": ["stuck", "undone", "soldOut"],
        "step=item&status=stuck": ["stuck"],
        "step=slot": [],
        [`step=money&reason=Can not reserve the item`]: ["stuck"],
        [`id=${made.undone}`]: ["undone"],
        [`id=${made.undone.slice(0, 8)}&status=failed`]: ["soldOut", "poor"],
        [`after=${made.soldOut}`]: ["poor", "completed"],
        [`placedBefore=2020-01-01T00:00:00Z`]: [],
        [`placedAfter=2020-01-01T00:00:00Z&status=stuck`]: ["stuck"],
        [`placedAfter=2100-01-01T00:00:00Z`]: [],
        [`placedBefore=2100-01-01T00:00:00%2B01:00&reason=Not enough money`]: ["poor"],
      }
      for (const [query, names] of Object.entries(expected)) {
        assert.deepStrictEqual(yield* found(query), names, query)
      }
      const since = whole.createdAt
      assert.includeMembers(yield* found(`placedAfter=${since}`), ["pending"])
      assert.notInclude(yield* found(`placedBefore=${since}`), "pending")
    }))

  it.live("shows each order as its customer sees it, and where its compensation is stuck", () =>
    Effect.gen(function* () {
      const { made, ann } = yield* someOrders
      const ask = yield* askAs(orders(), "console")
      const { body } = yield* ask(`/internal/order-search?id=${made.stuck}`)
      const { body: own } = yield* orders().call(`/api/orders/${made.stuck}`, { user: ann })
      const { timeline: _, ...shown } = own
      assert.deepStrictEqual(body, { orders: [shown], next: null })
      assert.deepStrictEqual(shown.stuck, stuckAt("money"))
    }))

  it.live("gives consecutive pages with each order once", () =>
    Effect.gen(function* () {
      const user = someone()
      const placed = yield* Effect.forEach(
        Array(7).keys(),
        () => Effect.map(place(orders(), { user }), ({ id }) => id),
      )
      yield* orders().decide(
        ...placed.slice(0, 4).map((orderId) => ({
          orderId,
          decision: "abort" as const,
          reason: "Not enough money" as const,
        })),
      )
      const ask = yield* askAs(orders(), "console")
      for (
        const filter of [`username=${user}`, `id=${placed[0]!.slice(0, 4)}`, "item=1", "step=money"]
      ) {
        const pages: Array<ReadonlyArray<string>> = []
        let after = ""
        do {
          const { body } = yield* ask(`/internal/order-search?${filter}&limit=3${after}`)
          pages.push(body.orders.map(({ id }: FoundOrder) => id))
          after = body.next === null ? "" : `&after=${body.next}`
        } while (after !== "")
        const ids = pages.flat()
        assert.deepStrictEqual(ids, [...new Set(ids)].toSorted().toReversed(), filter)
        const own = filter === "step=money" ? placed.slice(0, 4) : placed
        assert.deepStrictEqual(
          ids.filter((id) => (own as ReadonlyArray<string>).includes(id)),
          own.toReversed(),
          filter,
        )
        assert.isTrue(pages.slice(0, -1).every(({ length }) => length === 3), filter)
      }
    }))

  it.live("says what is wrong with an invalid search", () =>
    Effect.gen(function* () {
      const ask = yield* askAs(orders(), "console")
      const wrong = [
        "status=lost",
        "item=0",
        "item=one",
        "slot=9",
        "reason=bad luck",
        "step=parcel",
        "placedAfter=yesterday",
        "placedAfter=2026-01-31",
        "placedBefore=2026-13-01T00:00:00Z",
        "id=",
        "id=0193g",
        "id=ABCDEF",
        "id=%25",
        "after=1",
        "limit=0",
        "limit=501",
        "sort=amount",
        "username=",
      ]
      for (const query of wrong) {
        const { status, body } = yield* ask(`/internal/order-search?${query}`)
        assert.deepStrictEqual([status, body.code], [400, "invalid_request"], query)
      }
    }))
})

describe("GET /internal/order-search/{id}", () => {
  it.live("shows everything on record about an order", () =>
    Effect.gen(function* () {
      const { made, ann } = yield* someOrders
      const ask = yield* askAs(orders(), "console")
      const whole = (id: string) =>
        Effect.map(ask(`/internal/order-search/${id}`), ({ body }) => body)
      const { body: own } = yield* orders().call(`/api/orders/${made.stuck}`, { user: ann })
      const { republishAt, ...rest } = yield* whole(made.stuck)
      assert.deepStrictEqual(rest, {
        ...own,
        steps: ["money", "item", "slot"],
        cancelled: false,
        traceId: null,
        republished: 0,
      })
      assert.isAbove(Date.parse(republishAt), Date.parse(own.createdAt))
      assert.isNull((yield* whole(made.completed)).republishAt)
      const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
      yield* Effect.promise(() =>
        orders().sql`
          update orders set republished = 3, traceparent = ${`00-${traceId}-00f067aa0ba902b7-01`}
          where id = ${made.pending}`
      )
      assert.deepInclude(yield* whole(made.pending), { traceId, republished: 3 })
      const { status, body } = yield* ask(`/internal/order-search/${crypto.randomUUID()}`)
      assert.deepStrictEqual([status, body.code], [404, "order_not_found"])
      assert.strictEqual((yield* ask("/internal/order-search/1")).status, 400)
    }))
})
