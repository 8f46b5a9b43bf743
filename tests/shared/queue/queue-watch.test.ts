/** The metrics of the order queue, while it fills, is worked off, and becomes unavailable. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, References } from "effect"
import { TestClock } from "effect/testing"
import type { QueueState } from "#shared/contracts/queue.ts"
import { makeMemoryStream } from "#shared/queue/memory-stream.ts"
import { memoryOrderQueue } from "#shared/queue/memory.ts"
import { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { QueueDesk } from "#shared/queue/queue-desk.ts"
import { queueWatchLayer } from "#shared/queue/queue-watch.ts"
import { someOrders } from "./subjects.ts"

/** The gauges of the order queue, by their names without "order_queue_". */
const gauges = Effect.map(Metric.snapshot, (all) =>
  Object.fromEntries(
    all.flatMap((metric) =>
      metric.id.startsWith("order_queue_") && metric.type === "Gauge"
        ? [[metric.id.slice("order_queue_".length), Number(metric.state.value)]]
        : []
    ),
  ))

const watching = (desk: QueueDesk["Service"]) =>
  Layer.build(Layer.provide(queueWatchLayer, Layer.succeed(QueueDesk, desk)))

const looks = TestClock.adjust("5 seconds")

describe("the metrics of the order queue", () => {
  it.effect("exist from the start: its length, lag, age and dead letters", () =>
    Effect.gen(function* () {
      const queue = yield* memoryOrderQueue(makeMemoryStream(1_000))
      yield* watching(queue)
      yield* Effect.yieldNow
      const empty = { reachable: 1, length: 0, lag: 0, oldest_seconds: 0, dead_letters: 0 }
      assert.deepStrictEqual(yield* gauges, empty)
      yield* queue.publish(someOrders(5))
      const [first, second] = yield* queue.take(2)
      yield* looks
      assert.deepStrictEqual(
        yield* gauges,
        { ...empty, length: 5, lag: 3, oldest_seconds: 5 },
      )
      yield* queue.deadLetter([{ delivery: first!, cause: "a defect" }]).pipe(
        Effect.provideService(References.MinimumLogLevel, "None"),
      )
      yield* queue.acknowledge([second!.entryId])
      yield* looks
      assert.deepStrictEqual(
        yield* gauges,
        { ...empty, length: 3, lag: 3, oldest_seconds: 10, dead_letters: 1 },
      )
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("show that the queue is unavailable, keep the last values, and go on", () =>
    Effect.gen(function* () {
      const queue = yield* memoryOrderQueue(makeMemoryStream(1_000))
      yield* queue.publish(someOrders(2))
      let isAway = false
      const state: Effect.Effect<QueueState, QueueUnavailable> = Effect.suspend(() =>
        isAway ? new QueueUnavailable({ message: "no answer" }) : queue.state
      )
      yield* watching({ ...queue, state })
      yield* looks
      isAway = true
      yield* looks
      assert.deepInclude(yield* gauges, { reachable: 0, length: 2, lag: 2 })
      isAway = false
      yield* queue.publish(someOrders(1))
      yield* looks
      assert.deepInclude(yield* gauges, { reachable: 1, length: 3, lag: 3 })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})
