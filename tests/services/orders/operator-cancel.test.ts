/**
 * Cancels by operators, for any user's order: only through the console, and with the same register
 * as a cancel by the customer.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { operatorHeader } from "#shared/security/user-tokens.ts"
import { askAs } from "./asking.ts"
import { place, sharedOrders, someone, tokenOf } from "./running-orders.ts"
import { until } from "./until.ts"

const orders = sharedOrders()

const reason = "the customer called"
const cancelPath = (id: string) => `/internal/orders/${id}/cancel`
const asGrace = Effect.suspend(() => askAs(orders(), "console", "grace"))
const row = (id: string) =>
  Effect.promise(async () => (await orders().sql`select * from orders where id = ${id}`)[0]!)
const settle = (orderId: OrderId) => orders().decide({ orderId, decision: "settle" })

describe("POST /internal/orders/{id}/cancel", () => {
  it.live("aborts any user's pending order, and tells the outcome", () =>
    Effect.gen(function* () {
      const ask = yield* asGrace
      const user = someone()
      const { id } = yield* place(orders(), { user })
      const { status, body } = yield* ask(cancelPath(id), { reason })
      assert.strictEqual(status, 200)
      assert.strictEqual(body.outcome, "cancelled")
      assert.deepInclude(body.order, { id, username: user, status: "compensating", stuck: null })
      const [complete] = yield* orders().decide({ orderId: id, decision: "complete" })
      assert.strictEqual(complete!.status, "compensating")
      yield* settle(id)
      const { body: own } = yield* orders().call(`/api/orders/${id}`, { user })
      assert.deepInclude(own, { status: "failed", reason: "Order cancelled" })
    }))

  it.live("is idempotent, and equals a cancel by the customer, whichever comes first", () =>
    Effect.gen(function* () {
      const ask = yield* asGrace
      const [byUser, byOperator] = [yield* place(orders()), yield* place(orders())]
      const own = (id: string) => orders().call(`/api/orders/${id}/cancel`, { method: "POST" })
      yield* own(byUser.id)
      yield* ask(cancelPath(byOperator.id), { reason })
      const before = yield* row(byOperator.id)
      for (const { id } of [byUser, byOperator]) {
        const again = yield* ask(cancelPath(id), { reason })
        assert.deepStrictEqual([again.status, again.body.outcome], [200, "cancelled before"])
        assert.strictEqual((yield* own(id)).status, 200)
        yield* settle(id)
        const { body } = yield* ask(cancelPath(id), { reason })
        assert.deepStrictEqual([body.outcome, body.order.status], ["cancelled before", "failed"])
      }
      const { timeline } = yield* row(byOperator.id)
      assert.deepStrictEqual(timeline, before["timeline"])
    }))

  it.live("is 409 with the state when the order is already decided, and changes nothing", () =>
    Effect.gen(function* () {
      const ask = yield* asGrace
      const [completed, undone, failed] = [
        yield* place(orders()),
        yield* place(orders()),
        yield* place(orders()),
      ]
      const because = "Not enough money" as const
      yield* orders().decide(
        { orderId: completed.id, decision: "complete" },
        { orderId: undone.id, decision: "abort", reason: because },
        { orderId: failed.id, decision: "abort", reason: because },
        { orderId: failed.id, decision: "settle" },
      )
      for (const [state, { id }] of Object.entries({ completed, compensating: undone, failed })) {
        const before = yield* row(id)
        const { status, body } = yield* ask(cancelPath(id), { reason })
        assert.strictEqual(status, 409)
        assert.deepInclude(body, { code: "order_already_decided", state })
        assert.deepStrictEqual(yield* row(id), before)
      }
      const { status, body } = yield* ask(cancelPath(crypto.randomUUID()), { reason })
      assert.deepStrictEqual([status, body.code], [404, "order_not_found"])
    }))

  it.live("races with completions: each order has one end, and the operators are told that end", () =>
    Effect.gen(function* () {
      const [grace, alan] = [yield* asGrace, yield* askAs(orders(), "console", "alan")]
      const ids = yield* Effect.forEach(
        Array(20).keys(),
        () => Effect.map(place(orders()), ({ id }) => id),
        { concurrency: 10 },
      )
      const raced = yield* Effect.forEach(ids, (orderId, n) => {
        const cancels = [grace, alan].map((ask) => ask(cancelPath(orderId), { reason }))
        const complete = orders().decide({ orderId, decision: "complete" })
        const all = n % 2 === 0 ? [...cancels, complete] : [complete, ...cancels]
        return Effect.map(
          Effect.all(all, { concurrency: 3 }),
          (answers) => answers.flatMap((answer) => "status" in answer ? [answer.status] : []),
        )
      }, { concurrency: 10 })
      for (const [n, statuses] of raced.entries()) {
        const isCancelled = (yield* row(ids[n]!))["status"] === "compensating"
        assert.deepStrictEqual(statuses, isCancelled ? [200, 200] : [409, 409])
      }
    }))

  it.live("makes the order due at once, so a queue that lost it does not delay its end", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      yield* (yield* asGrace)(cancelPath(id), { reason })
      yield* until(
        "the order is published again",
        Effect.map(
          orders().published,
          (all) => all.some(({ orderId, republished }) => orderId === id && republished > 0),
        ),
      )
    }))

  it.live("needs the console's token, the operator's token and a reason", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      const bearer = (token: string) => `Bearer ${token}`
      const ofOperator = bearer(yield* Effect.promise(() => tokenOf("grace", "operator")))
      const own = { user: null, body: { reason } }
      const refused = [
        orders().call(cancelPath(id), { ...own, headers: {} }),
        orders().call(cancelPath(id), { ...own, headers: { authorization: ofOperator } }),
        orders().call(cancelPath(id), { ...own, headers: { [operatorHeader]: ofOperator } }),
        (yield* askAs(orders(), "console"))(cancelPath(id), { reason }),
        (yield* askAs(orders(), "orchestrator", "grace"))(cancelPath(id), { reason }),
      ]
      for (const [n, call] of refused.entries()) {
        assert.include([401, 403], (yield* call).status, `${n}`)
      }
      const ask = yield* asGrace
      for (const body of [{}, { reason: "" }, { reason: "a\nb" }, { reason: "x".repeat(501) }]) {
        assert.strictEqual((yield* ask(cancelPath(id), body)).status, 400, JSON.stringify(body))
      }
      assert.strictEqual((yield* row(id))["status"], "pending")
      for (const path of ["order-search", `order-search/${id}`, "order-counts"]) {
        const { status } = yield* (yield* askAs(orders(), "orchestrator"))(`/internal/${path}`)
        assert.strictEqual(status, 403, path)
      }
    }))
})
