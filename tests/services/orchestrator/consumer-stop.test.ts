import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, MutableList } from "effect"
import { TestClock } from "effect/testing"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { away, drainMs, settled, world } from "./consumer-world.ts"

describe("a stop of the consumer", () => {
  /** Closes the consumer and tells how long that took, by the test's clock, and at most ten seconds. */
  const stopWithin = (stop: Effect.Effect<void>, ms: number) =>
    Effect.gen(function* () {
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      yield* TestClock.adjust(ms)
      yield* settled
      assert.isDefined(stopping.pollUnsafe(), `it did not stop within ${ms} ms`)
    })

  it.effect("takes nothing new, and lets the sagas in flight end", () =>
    Effect.gen(function* () {
      const { stream, inFlight, begun, start, publish } = yield* world
      const { stop } = yield* start()
      yield* publish(someOrders(2))
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      yield* publish(someOrders(3))
      yield* inFlight[0]!.end(Exit.succeed("completed"))
      assert.isUndefined(stopping.pollUnsafe())
      yield* inFlight[0]!.end(Exit.succeed("failed"))
      // Done as soon as the last one is.
      assert.isDefined(stopping.pollUnsafe())
      assert.strictEqual(begun.length, 2)
      assert.strictEqual(stream.unacknowledged, 3)
    }))

  it.effect("leaves on the queue what does not end in time, for the next consumer", () =>
    Effect.gen(function* () {
      const { stream, inFlight, start, publish, orders } = yield* world
      const { stop } = yield* start()
      const two = someOrders(2)
      yield* publish(two)
      yield* stopWithin(stop, drainMs)
      assert.deepStrictEqual(inFlight, [])
      assert.strictEqual(stream.unacknowledged, 2)
      assert.deepStrictEqual(
        MutableList.toArray(stream.waiting).map(({ redelivered }) => redelivered),
        [true, true],
      )
      assert.deepStrictEqual(stream.deadLetters, [])
      yield* start()
      assert.deepStrictEqual(orders(), two.map(({ orderId }) => orderId))
    }))

  it.effect("does not wait for a queue that is away", () =>
    Effect.gen(function* () {
      const { stream, inFlight, start, publish } = yield* world
      const { stop } = yield* start(100, (queue) => ({
        ...queue,
        take: (max) => stream.unacknowledged > 0 ? Effect.fail(away) : queue.take(max),
        acknowledge: () => Effect.fail(away),
      }))
      yield* publish(someOrders(1))
      yield* inFlight[0]!.end(Exit.succeed("completed"))
      yield* stopWithin(stop, drainMs)
      assert.strictEqual(stream.unacknowledged, 1)
    }))
})
