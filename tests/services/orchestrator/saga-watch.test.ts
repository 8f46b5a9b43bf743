/** The metrics and log lines of running sagas. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, References } from "effect"
import { TestClock } from "effect/testing"
import { watchSagas } from "#services/orchestrator/saga-watch.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { orderRun } from "#shared/saga/order-run.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { type LogLine, pass, world } from "./consumer-world.ts"
import { isAway } from "./scripted-callees.ts"
import { metrics } from "./scripted-service.ts"

const gauge = (name: string) => Effect.map(metrics(name, ""), (values) => values[""])

const linesOf = (logs: ReadonlyArray<LogLine>, { orderId }: OrderMessage) =>
  logs.filter(({ annotations }) => annotations.orderId === orderId)
    .map(({ level, message }) => `${level} ${[message].flat().join(" ")}`)

const stuckLine = "Warn The compensation of item is stuck"
const throughLine = "Info The compensation is no longer stuck"

const slotLine = "Info The order failed: Can not get the delivery slot"

/** Orders that are rejected at their last step while items is unavailable. */
const shopWithStuckOrders = Effect.gen(function* () {
  const shop = yield* world
  const { stop } = yield* shop.start()
  const orders = someOrders(3)
  const [good, ...bad] = orders
  for (const { orderId } of bad) shop.rejects.set(orderId, "slots")
  shop.fails.set("cancel items", isAway)
  yield* shop.publish(orders)
  yield* pass(60_000)
  return { ...shop, stop, good: good!, bad }
})

describe("the metrics of sagas", () => {
  it.effect("exist from the start, at 0", () =>
    Effect.gen(function* () {
      yield* watchSagas
      for (const name of ["sagas_running", "sagas_stuck"]) {
        assert.strictEqual(yield* gauge(name), 0, name)
      }
      const ends = yield* metrics("sagas_ended_total", "end")
      assert.hasAllKeys(ends, ["completed", "failed", "unknown", "buried"])
    }))

  it.effect("count the ends, and the time since the orders were accepted", () =>
    Effect.gen(function* () {
      const watched = yield* watchSagas
      const before = yield* metrics("sagas_ended_total", "end")
      const measured = (yield* gauge("order_duration_seconds")) ?? 0
      yield* TestClock.setTime(1_800_000_000_000 + 3_000)
      const runs = someOrders(5).map((message, n) => {
        const run = orderRun(
          { message, entryId: "1-0", redelivered: false },
          { steadyMs: 0, ordersMs: 0, toldAtMs: 0 },
        )
        run.end = n < 3 ? "completed" : "failed"
        return run
      })
      yield* watched.ended(runs.slice(0, 2))
      yield* watched.ended(runs.slice(2))
      const after = yield* metrics("sagas_ended_total", "end")
      assert.deepStrictEqual(
        ["completed", "failed", "unknown"].map((end) => after[end]! - before[end]!),
        [3, 2, 0],
      )
      assert.strictEqual(yield* gauge("order_duration_seconds"), measured + 5)
    }))
})

describe("a stuck compensation", () => {
  it.effect("is logged once for each order, with what it waits for, and once when it is no longer stuck", () =>
    Effect.gen(function* () {
      const { bad, good, decisions, fails, logs, stream } = yield* shopWithStuckOrders
      assert.strictEqual(yield* gauge("sagas_stuck"), 2)
      for (const order of bad) assert.deepStrictEqual(linesOf(logs, order), [stuckLine])
      assert.deepStrictEqual(linesOf(logs, good), [])
      const [{ annotations }] = logs as [LogLine]
      assert.deepInclude(annotations, { step: "item", cause: isAway.message, attempts: 3 })
      assert.isString(annotations.nextAttemptAt)
      // The register has the latest attempt.
      const { stuck } = decisions.at(-1)!
      assert.deepInclude(stuck, { step: "item", cause: isAway.message })
      assert.isAbove(stuck!.attempts, 5)
      fails.clear()
      yield* pass(40_000)
      for (const order of bad) {
        assert.deepStrictEqual(linesOf(logs, order), [stuckLine, throughLine, slotLine])
      }
      assert.strictEqual(yield* gauge("sagas_stuck"), 0)
      assert.strictEqual(stream.unacknowledged, 0)
    }))

  it.effect("is logged again when the same saga gets stuck at another step", () =>
    Effect.gen(function* () {
      const { bad, fails, logs } = yield* shopWithStuckOrders
      fails.delete("cancel items")
      fails.set("cancel billing", isAway)
      yield* pass(120_000)
      assert.deepStrictEqual(linesOf(logs, bad[0]!), [
        stuckLine,
        throughLine,
        "Warn The compensation of money is stuck",
      ])
      assert.strictEqual(yield* gauge("sagas_stuck"), 2)
    }))

  it.effect("is not logged when its second attempt succeeds", () =>
    Effect.gen(function* () {
      const { rejects, fails, start, publish, logs, stream } = yield* world
      yield* start()
      const [order] = someOrders(1)
      rejects.set(order!.orderId, "slots")
      fails.set("cancel items", isAway)
      yield* publish([order!])
      fails.clear()
      yield* pass(1_000)
      assert.strictEqual(stream.unacknowledged, 0)
      assert.deepStrictEqual(linesOf(logs, order!), [slotLine])
    }))

  it.effect("is not counted any more when its saga is buried, by a refusal or by a defect", () =>
    Effect.gen(function* () {
      const { bad, poison, fails, logs, letters } = yield* shopWithStuckOrders
      poison.set(bad[0]!.orderId, "items")
      fails.clear()
      fails.set("cancel billing", new Error("a defect"))
      yield* pass(40_000)
      assert.strictEqual(yield* gauge("sagas_stuck"), 0)
      assert.deepStrictEqual(letters().map(([id]) => id), bad.map(({ orderId }) => orderId))
      const [refused] = bad
      assert.deepStrictEqual(linesOf(logs, refused!).slice(1, 2), [
        "Error An order cannot go on: items answered 400",
      ])
    }))
})

describe("the end of an order", () => {
  it.effect("has a line with reason and duration: at Info for a failure, at Debug for a completion", () =>
    Effect.gen(function* () {
      const { rejects, start, publish, logs } = yield* world
      yield* Effect.provideService(start(), References.MinimumLogLevel, "Debug")
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
      const [good, poor, sold] = someOrders(3).map((order) => ({ ...order, traceparent }))
      rejects.set(poor!.orderId, "billing").set(sold!.orderId, "items")
      yield* publish([good!, poor!, sold!])
      assert.deepStrictEqual(linesOf(logs, good!), ["Debug The order is completed"])
      assert.deepStrictEqual(linesOf(logs, poor!), ["Info The order failed: Not enough money"])
      assert.deepStrictEqual(linesOf(logs, sold!), [
        "Info The order failed: Can not reserve the item",
      ])
      for (const { annotations } of logs) {
        assert.strictEqual(annotations.traceId, "0af7651916cd43dd8448eb211c80319c")
        assert.isNumber(annotations.durationMs)
      }
    }))

  it.effect("has no line at Info when the order is completed", () =>
    Effect.gen(function* () {
      const { start, publish, logs } = yield* world
      yield* start()
      yield* publish(someOrders(3))
      assert.deepStrictEqual(logs, [])
    }))

  it.effect("is logged once, even when the order is delivered again", () =>
    Effect.gen(function* () {
      const { rejects, start, publish, logs } = yield* world
      yield* Effect.provideService(start(), References.MinimumLogLevel, "Debug")
      const orders = someOrders(2)
      rejects.set(orders[1]!.orderId, "items")
      yield* publish(orders)
      yield* publish(orders.map((order) => ({ ...order, republished: 1 })))
      assert.strictEqual(logs.length, 2)
    }))
})

describe("a log line of an order", () => {
  it.effect("has the order's id and one text", () =>
    Effect.gen(function* () {
      const { bad, poison, fails, logs, stream } = yield* shopWithStuckOrders
      poison.set(bad[0]!.orderId, "items")
      fails.clear()
      yield* pass(40_000)
      assert.strictEqual(stream.unacknowledged, 0)
      assert.isAtLeast(logs.length, 4)
      for (const { message, annotations } of logs) {
        assert.strictEqual([message].flat().length, 1)
        assert.isString([message].flat()[0])
        assert.include(bad.map(({ orderId }) => orderId), annotations.orderId)
      }
    }))
})
