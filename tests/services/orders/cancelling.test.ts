/** Cancels by customers: until when, with which answer, and what becomes due. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { place, type RunningOrders, sharedOrders, someone } from "./running-orders.ts"
import { until } from "./until.ts"

const orders = sharedOrders()

const cancel = (id: string, headers: Record<string, string> = {}, user = "ann") =>
  orders().call(`/api/orders/${id}/cancel`, { method: "POST", headers, user })

const settle = (orderId: OrderId) => orders().decide({ orderId, decision: "settle" })

const row = ({ sql }: RunningOrders, id: string) =>
  Effect.promise(async () => (await sql`select * from orders where id = ${id}`)[0]!)

describe("POST /api/orders/{id}/cancel", () => {
  it.live("aborts a pending order, which the saga then undoes", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      const { status, body } = yield* cancel(id)
      assert.strictEqual(status, 200)
      assert.deepInclude(body, { id, status: "compensating", success: null, decidedAt: null })
      assert.strictEqual(body.reason, "Order cancelled")
      const [complete] = yield* orders().decide({ orderId: id, decision: "complete" })
      assert.strictEqual(complete!.status, "compensating")
      yield* settle(id)
      const { body: ended } = yield* orders().call(`/api/orders/${id}`)
      assert.deepInclude(ended, { status: "failed", success: false, reason: "Order cancelled" })
    }))

  it.live("gives the same answer again, while the order is being undone and afterwards", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      const first = yield* cancel(id)
      assert.deepStrictEqual((yield* cancel(id)).body, first.body)
      yield* settle(id)
      const { status, body } = yield* cancel(id)
      assert.strictEqual(status, 200)
      assert.deepInclude(body, { status: "failed", reason: "Order cancelled" })
    }))

  it.live("is 409 with the state when the order is already decided, and changes nothing", () =>
    Effect.gen(function* () {
      const [completed, undone, failed] = yield* Effect.all([
        place(orders()),
        place(orders()),
        place(orders()),
      ])
      const reason = "Not enough money" as const
      yield* orders().decide(
        { orderId: completed.id, decision: "complete" },
        { orderId: undone.id, decision: "abort", reason },
        { orderId: failed.id, decision: "abort", reason },
        { orderId: failed.id, decision: "settle" },
      )
      const states = { completed, compensating: undone, failed }
      for (const [state, { id }] of Object.entries(states)) {
        const before = yield* row(orders(), id)
        const { status, body } = yield* cancel(id)
        assert.strictEqual(status, 409)
        assert.deepInclude(body, { code: "order_already_decided", state })
        assert.deepStrictEqual(yield* row(orders(), id), before)
      }
    }))

  it.live("is 404 for another user's order, as for an unknown one, and changes nothing", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      for (const given of [id, crypto.randomUUID()]) {
        const { status, body } = yield* cancel(given, {}, someone())
        assert.deepStrictEqual([status, body.code], [404, "order_not_found"])
      }
      assert.strictEqual((yield* row(orders(), id)).status, "pending")
    }))

  it.live("races with completions: each order has one end, and its customer is told that end", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Effect.map(place(orders()), ({ id }) => id),
        { concurrency: 10 },
      )
      const raced = yield* Effect.forEach(
        ids,
        (orderId, n) => {
          const both = [
            cancel(orderId),
            orders().decide({ orderId, decision: "complete" }),
          ] as const
          return n % 2 === 0
            ? Effect.all(both, { concurrency: 2 })
            : Effect.map(Effect.all([both[1], both[0]], { concurrency: 2 }), ([a, b]) =>
              [b, a] as const)
        },
        { concurrency: 10 },
      )
      for (const [n, [{ status }, [decided]]] of raced.entries()) {
        const now = (yield* row(orders(), ids[n]!)).status
        assert.strictEqual(decided!.status, now)
        assert.strictEqual(now, status === 200 ? "compensating" : "completed")
      }
    }))

  it.live("makes the order due at once, so a queue that lost it does not delay its end", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      assert.isAbove((yield* row(orders(), id)).publish_at.getTime(), Date.now() + 60_000)
      yield* cancel(id)
      // A saga that takes the order again asks the register first.
      yield* until(
        "the order is published again",
        Effect.map(
          orders().published,
          (messages) =>
            messages.some(({ orderId, republished }) => orderId === id && republished > 0),
        ),
      )
    }))

  it.live("waits with Prefer: wait until the order is undone, and ends a wait for the order", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      const cancelling = yield* Effect.forkChild(cancel(id, { prefer: "wait=20" }))
      yield* until(
        "the order is cancelled",
        Effect.map(row(orders(), id), ({ status }) => status === "compensating"),
      )
      yield* settle(id)
      const { body, headers } = yield* Fiber.join(cancelling)
      assert.deepInclude(body, { status: "failed", reason: "Order cancelled" })
      assert.strictEqual(headers.get("preference-applied"), "wait=20")
    }))

  it.live("appears in the events of the order", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      const response = yield* Effect.promise(() => orders().request(`/api/orders/${id}/events`))
      const events = yield* Effect.forkChild(Effect.promise(() => response.text()))
      yield* cancel(id)
      yield* settle(id)
      const told = (yield* Fiber.join(events)).split("\n").filter((line) =>
        line.startsWith("data: ")
      ).map((line) => JSON.parse(line.slice(6)))
      assert.deepStrictEqual(
        told.map(({ status, reason }) => [status, reason]),
        [["pending", null], ["compensating", "Order cancelled"], ["failed", "Order cancelled"]],
      )
    }))
})
