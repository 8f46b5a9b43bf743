/** The consumer while its queue cannot be reached, or meets defects. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { pass, queueUnavailable, runningSagas, world } from "./consumer-world.ts"

type Queue = OrderQueue["Service"]

describe("the consumer of an unavailable queue", () => {
  it.effect("keeps trying, even after a defect", () =>
    Effect.gen(function* () {
      const { stream, start, publish } = yield* world
      let attempts = 0
      yield* start(100, (queue) => ({
        ...queue,
        take: (max) => {
          attempts++
          if (attempts === 20) return Effect.die(new Error("a defect"))
          return attempts <= 40 ? Effect.fail(queueUnavailable) : queue.take(max)
        },
      }))
      yield* publish(someOrders(1))
      for (let half = 0; half < 200; half++) yield* pass(500)
      assert.strictEqual(stream.unacknowledged, 0)
      // Its attempts are up to two seconds apart.
      assert.isAtMost(attempts, 45)
    }))

  /** A queue that delivers, but accepts acknowledgements and dead letters only when it is back. */
  const oneWay = (outage: { isOver: boolean }) => (queue: Queue): Queue => ({
    ...queue,
    acknowledge: (ids) =>
      Effect.suspend(() => outage.isOver ? queue.acknowledge(ids) : Effect.fail(queueUnavailable)),
    deadLetter: (letters) =>
      Effect.suspend(() =>
        outage.isOver ? queue.deadLetter(letters) : Effect.fail(queueUnavailable)
      ),
  })

  it.effect("repeats acknowledgements and dead letters until the queue accepts them", () =>
    Effect.gen(function* () {
      const { stream, poison, start, publish } = yield* world
      const outage = { isOver: false }
      yield* start(100, oneWay(outage))
      const three = someOrders(3)
      poison.set(three[0]!.orderId, "billing")
      yield* publish(three)
      yield* pass(60_000)
      assert.strictEqual(stream.unacknowledged, 3)
      outage.isOver = true
      yield* pass(2_000)
      assert.strictEqual(stream.unacknowledged, 0)
      assert.strictEqual(stream.deadLetters.length, 1)
    }))

  it.effect("loses no order when an acknowledgement or a dead letter meets a defect", () =>
    Effect.gen(function* () {
      const { stream, poison, statuses, start, publish } = yield* world
      let calls = 0
      const defect = Effect.die(new Error("a defect"))
      yield* start(3, (queue) => ({
        ...queue,
        acknowledge: (ids) => Effect.suspend(() => ++calls === 1 ? defect : queue.acknowledge(ids)),
        deadLetter: (letters) =>
          Effect.suspend(() => ++calls === 2 ? defect : queue.deadLetter(letters)),
      }))
      const [refused, failed, good] = someOrders(3)
      poison.set(refused!.orderId, "billing")
      statuses.set(failed!.orderId, "failed")
      // They end at the same time, in three ways.
      yield* publish([refused!, { ...failed!, republished: 1 }, good!])
      yield* pass(1_000)
      assert.deepStrictEqual([stream.unacknowledged, stream.deadLetters.length], [0, 1])
      assert.strictEqual((yield* runningSagas)?.value, 0)
    }))

  it.effect("decides and undoes orders even when others of their wave cannot be acknowledged", () =>
    Effect.gen(function* () {
      const { stream, poison, rejects, statuses, start, publish, begun } = yield* world
      yield* start(100, oneWay({ isOver: false }))
      const [refused, good, bad, ...next] = someOrders(5)
      poison.set(refused!.orderId, "billing")
      rejects.set(bad!.orderId, "items")
      yield* publish([refused!, good!, bad!])
      assert.deepStrictEqual(
        [good, bad].map((order) => statuses.get(order!.orderId)),
        ["completed", "failed"],
      )
      for (const order of next) yield* publish([order])
      assert.strictEqual(begun().length, 3)
      assert.strictEqual(stream.unacknowledged, 5)
    }))
})
