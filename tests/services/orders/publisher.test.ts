import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Deferred, Effect, Layer, References } from "effect"
import { TestClock } from "effect/testing"
import { Publisher, publisherLayer } from "#services/orders/publisher.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { makeMemoryStream } from "#shared/queue/memory-stream.ts"
import { memoryOrderQueue } from "#shared/queue/memory.ts"
import { OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { someOrders as anyOrders } from "#tests/shared/queue/subjects.ts"
import { until } from "./until.ts"

const options = { republishAfterMs: 15_000 }

/** Orders that were placed just now. */
const someOrders = (count: number) =>
  Effect.clockWith(({ currentTimeMillis }) =>
    Effect.map(
      currentTimeMillis,
      (createdAtMs) => anyOrders(count).map((order) => ({ ...order, createdAtMs })),
    )
  )

/** A publisher over a queue whose first publications end as given. All others succeed. */
const publisherWith = (...first: ReadonlyArray<Effect.Effect<void, QueueUnavailable>>) => {
  const batches: Array<ReadonlyArray<OrderMessage>> = []
  return publisherOver((messages) => {
    batches.push(messages)
    return first[batches.length - 1] ?? Effect.void
  }).pipe(Effect.map(({ publisher }) => ({ publisher, batches })))
}

const publisherOver = (publish: OrderQueue["Service"]["publish"]) =>
  Effect.gen(function* () {
    const queue = yield* memoryOrderQueue(makeMemoryStream(1))
    const context = yield* Layer.build(
      Layer.provide(publisherLayer(options), Layer.succeed(OrderQueue, { ...queue, publish })),
    ).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
    const publisher = Context.get(context, Publisher)
    return { publisher }
  })

const unavailable = Effect.fail(new QueueUnavailable({ message: "the queue is unavailable" }))

/** Lets the test's time pass until the condition holds. */
const untilInTime = (condition: () => boolean) =>
  until("the condition holds as time passes", Effect.map(TestClock.adjust("100 millis"), condition))

describe("Publisher", () => {
  it.live("publishes orders in batches, without making the caller wait", () =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      const { publisher, batches } = yield* publisherWith(Deferred.await(goOn))
      const [lone, ...others] = yield* someOrders(1201)
      yield* publisher.publish([lone!])
      yield* until("the first batch is in flight", () => batches.length === 1)
      yield* Effect.forEach(others, (order) => publisher.publish([order]))
      yield* Deferred.succeed(goOn, undefined)
      yield* until("all orders are published", () => batches.flat().length === 1201)
      assert.deepStrictEqual(batches.map(({ length }) => length), [1, 500, 500, 200])
      assert.deepStrictEqual(batches.flat(), [lone!, ...others])
    }))

  it.live("goes on with the next orders after a defect", () =>
    Effect.gen(function* () {
      const { publisher, batches } = yield* publisherWith(Effect.die(new Error("a defect")))
      for (const n of [1, 2]) {
        yield* publisher.publish(yield* someOrders(1))
        yield* until(`attempt ${n} is made`, () => batches.length === n)
      }
      assert.notDeepEqual(batches[0], batches[1])
    }))

  it.effect("retries while the queue is unavailable, and then publishes later orders", () =>
    Effect.gen(function* () {
      const { publisher, batches } = yield* publisherWith(unavailable, unavailable, unavailable)
      const [first, second] = [yield* someOrders(2), yield* someOrders(3)]
      yield* publisher.publish(first)
      yield* until("the first attempt is made", () => batches.length === 1)
      yield* publisher.publish(second)
      yield* untilInTime(() => batches.length === 5)
      assert.deepStrictEqual(batches, [first, first, first, first, second])
    }))

  it.effect("leaves an order to the sweeper once it is due there, and retries the others", () =>
    Effect.gen(function* () {
      const tries: Array<{ readonly atMs: number; readonly ids: ReadonlyArray<string> }> = []
      let isBack = false
      const { publisher } = yield* publisherOver((messages) =>
        Effect.gen(function* () {
          const ids = messages.map(({ orderId }) => orderId)
          tries.push({ atMs: yield* Clock.currentTimeMillis, ids })
          if (!isBack) yield* unavailable
        })
      )
      const old = yield* someOrders(2)
      yield* TestClock.adjust("14 seconds")
      const young = yield* someOrders(2)
      yield* publisher.publish([...old, ...young])
      yield* untilInTime(() => tries.at(-1)?.ids.length === 2)
      isBack = true
      yield* publisher.publish([...old, ...yield* someOrders(1)])
      yield* untilInTime(() => tries.at(-1)?.ids.length === 1)
      const idsOf = (messages: ReadonlyArray<OrderMessage>) => messages.map((each) => each.orderId)
      for (const { atMs, ids } of tries.slice(0, -1)) {
        const due = atMs < 15_000 ? [...old, ...young] : young
        assert.deepStrictEqual<ReadonlyArray<string>>(ids, idsOf(due))
      }
      assert.isAbove(tries.length, 3)
    }))

  it.live("buffers a limited number of orders, and leaves the rest to the sweeper", () =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      const { publisher, batches } = yield* publisherWith(Deferred.await(goOn))
      yield* publisher.publish(yield* someOrders(1))
      yield* until("the first batch is in flight", () => batches.length === 1)
      yield* publisher.publish(yield* someOrders(10_500))
      yield* Deferred.succeed(goOn, undefined)
      yield* until("all buffered orders are published", () => batches.flat().length === 10_001)
      yield* publisher.publish(yield* someOrders(1))
      yield* until("the next order is published", () => batches.flat().length === 10_002)
    }))
})
