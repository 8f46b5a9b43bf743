import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { place, type RunningOrders, startOrders, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

/** Lets the next count be taken, and waits until the metric shows it. */
const counted = (running: RunningOrders, expected: number) =>
  until(
    `${expected} unfinished orders are counted`,
    Effect.gen(function* () {
      yield* TestClock.adjust("1 second")
      const text = yield* Effect.promise(async () => (await running.app.request("/metrics")).text())
      return new RegExp(`^orders_unfinished ${expected}$`, "m").test(text)
    }),
  )

describe("the backlog", () => {
  it.effect("refuses new orders above its limit, and takes them again below it", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "3" })
      const [first] = yield* Effect.replicateEffect(place(running), 3)
      for (let again = 0; again < 2; again++) {
        const { status, headers, body } = yield* running.call("/api/orders/", { body: wanted })
        assert.strictEqual(status, 503)
        assert.strictEqual(headers.get("retry-after"), "5")
        assert.strictEqual(headers.get("content-type"), "application/problem+json")
        assert.strictEqual(body.code, "overloaded")
        yield* counted(running, 3)
      }
      // Nothing was stored, and everything else still works.
      assert.strictEqual((yield* running.call("/api/orders/")).body.length, 3)
      yield* running.decide({ orderId: first!.id, decision: "complete" })
      yield* counted(running, 2)
      yield* place(running)
      assert.strictEqual((yield* running.call("/api/orders/", { body: wanted })).status, 503)
    }))

  it.effect("answers what is sent again with its key, though it takes no new order", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "1" })
      const post = (key: string, body = wanted) =>
        running.call("/api/orders/", { body, headers: { "idempotency-key": key } })
      const first = yield* post("one")
      assert.strictEqual(first.status, 201)
      const again = yield* post("one")
      assert.strictEqual(again.status, 201)
      assert.strictEqual(again.body.id, first.body.id)
      assert.strictEqual((yield* post("one", { ...wanted, amount: 7 })).status, 422)
      assert.strictEqual((yield* post("two")).status, 503)
    }))

  it.effect("counts the orders of all replicas, those that are being compensated too", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "2" })
      const { id } = yield* place(running)
      yield* running.decide({ orderId: id, decision: "abort", reason: "Order timed out" })
      yield* place(running)
      const other = yield* running.replica()
      assert.strictEqual((yield* other.call("/api/orders/", { body: wanted })).status, 503)
    }))

  it.effect("is counted again after a count that failed", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "2" })
      const [first] = yield* Effect.replicateEffect(place(running), 2)
      yield* counted(running, 2)
      yield* Effect.promise(() => running.sql`alter table orders rename to hidden`)
      yield* TestClock.adjust("1 second")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      yield* Effect.promise(() => running.sql`alter table hidden rename to orders`)
      yield* running.decide({ orderId: first!.id, decision: "complete" })
      yield* counted(running, 1)
      yield* place(running)
    }))
})
