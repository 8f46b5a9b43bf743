import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, References } from "effect"
import { Publisher } from "#services/orders/publisher.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { makeMemoryStream, memoryOrderQueue } from "#shared/queue/memory.ts"
import { OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { until } from "./until.ts"

/** A publisher over a queue whose first publications end as told; all others succeed. */
const publisherOver = (...first: ReadonlyArray<Effect.Effect<void, QueueUnavailable>>) =>
  Effect.gen(function* () {
    const batches: Array<ReadonlyArray<OrderMessage>> = []
    const queue = yield* memoryOrderQueue(makeMemoryStream(100_000))
    const publish = (messages: ReadonlyArray<OrderMessage>) => {
      batches.push(messages)
      return first[batches.length - 1] ?? queue.publish(messages)
    }
    const context = yield* Layer.build(
      Layer.provide(Publisher.layer, Layer.succeed(OrderQueue, { ...queue, publish })),
    ).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
    const publisher = Context.get(context, Publisher)
    return { publisher, batches }
  })

describe("Publisher", () => {
  it.live("publishes what comes, in batches, without making anybody wait", () =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      const { publisher, batches } = yield* publisherOver(Deferred.await(goOn))
      const [lone, ...others] = someOrders(1201)
      yield* publisher.publish([lone!])
      yield* until("the first is out", () => batches.length === 1)
      yield* Effect.forEach(others, (order) => publisher.publish([order]))
      yield* Deferred.succeed(goOn, undefined)
      yield* until("all are out", () => batches.flat().length === 1201)
      assert.deepStrictEqual(batches.map(({ length }) => length), [1, 500, 500, 200])
      assert.deepStrictEqual(batches.flat(), [lone!, ...others])
    }))

  it.live("goes on with the next ones when some can't be published", () =>
    Effect.gen(function* () {
      const { publisher, batches } = yield* publisherOver(
        Effect.fail(new QueueUnavailable({ message: "the queue is away" })),
        Effect.die(new Error("a defect")),
      )
      for (const n of [1, 2, 3]) {
        yield* publisher.publish(someOrders(1))
        yield* until(`attempt ${n}`, () => batches.length === n)
      }
    }))

  it.live("keeps a bounded number, and leaves what is more to the sweeper", () =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      const { publisher, batches } = yield* publisherOver(Deferred.await(goOn))
      yield* publisher.publish(someOrders(1))
      yield* until("the first is out", () => batches.length === 1)
      yield* publisher.publish(someOrders(10_500))
      yield* Deferred.succeed(goOn, undefined)
      yield* until("all that were kept are out", () => batches.flat().length === 10_001)
      yield* publisher.publish(someOrders(1))
      yield* until("the next one is out", () => batches.flat().length === 10_002)
    }))
})
