import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeMemoryStream } from "#shared/queue/memory-stream.ts"
import { memoryOrderQueue } from "#shared/queue/memory.ts"
import { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { someOrders } from "./subjects.ts"

describe("memoryOrderQueue", () => {
  it.effect("refuses more than it can hold, until something is acknowledged", () =>
    Effect.gen(function* () {
      const queue = yield* memoryOrderQueue(makeMemoryStream(3))
      yield* queue.publish(someOrders(3))
      const error = yield* Effect.flip(queue.publish(someOrders(1)))
      assert.instanceOf(error, QueueUnavailable)
      assert.strictEqual(
        error.message,
        "The order queue in memory is full (3 entries): try again later",
      )
      const taken = yield* queue.take(2)
      assert.instanceOf(yield* Effect.flip(queue.publish(someOrders(1))), QueueUnavailable)
      yield* queue.acknowledge(taken.map(({ entryId }) => entryId))
      yield* queue.publish(someOrders(2))
    }))

  it.effect("keeps the last thousand dead letters", () =>
    Effect.gen(function* () {
      const stream = makeMemoryStream(2000)
      const queue = yield* memoryOrderQueue(stream)
      yield* queue.publish(someOrders(1001))
      const taken = yield* queue.take(2000)
      yield* queue.deadLetter(taken.map((delivery, n) => ({ delivery, cause: `number ${n}` })))
      assert.strictEqual(stream.deadLetters.length, 1000)
      assert.strictEqual(stream.deadLetters.at(-1)?.cause, "number 1000")
      assert.strictEqual(stream.unacknowledged, 0)
    }))

  it.effect("warns that it forgets its orders when the process ends", () =>
    Effect.gen(function* () {
      assert.isTrue((yield* memoryOrderQueue(makeMemoryStream(1))).volatile)
    }))
})
