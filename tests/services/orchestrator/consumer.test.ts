import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Metric } from "effect"
import { TestClock } from "effect/testing"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { away, drainMs, settled, world } from "./consumer-world.ts"

const idsOf = (orders: ReadonlyArray<OrderMessage>) => orders.map(({ orderId }) => orderId)

const runningSagas = Effect.map(
  Metric.snapshot,
  (all) => all.find(({ id }) => id === "sagas_running")?.state as { value: number } | undefined,
)

/** The longest that orders gather while sagas are under way. */
const gathered = Effect.andThen(TestClock.adjust("150 millis"), settled)

describe("the consumer", () => {
  it.effect("runs the saga of each order, many at a time, and acknowledges it when it is final", () =>
    Effect.gen(function* () {
      const { stream, inFlight, start, publish, orders } = yield* world
      yield* start()
      const three = someOrders(3)
      yield* publish(three)
      assert.deepStrictEqual(orders(), idsOf(three))
      assert.deepStrictEqual(inFlight.map(({ redelivered }) => redelivered), [false, false, false])
      assert.strictEqual(stream.unacknowledged, 3)
      yield* inFlight[1]!.end(Exit.succeed("completed"))
      assert.strictEqual(stream.unacknowledged, 2)
      yield* inFlight[1]!.end(Exit.succeed("failed"))
      yield* inFlight[0]!.end(Exit.succeed("completed"))
      assert.strictEqual(stream.unacknowledged, 0)
      assert.deepStrictEqual(stream.deadLetters, [])
    }))

  it.effect("takes together what came while sagas were under way, and at once when nothing is", () =>
    Effect.gen(function* () {
      const { inFlight, begun, start, publish } = yield* world
      yield* start()
      const five = someOrders(5)
      yield* publish(five.slice(0, 2))
      yield* publish(five.slice(2, 3))
      yield* publish(five.slice(3, 4))
      yield* inFlight[0]!.end(Exit.succeed("completed"))
      assert.deepStrictEqual(begun, idsOf(five.slice(0, 2)))
      yield* inFlight[0]!.end(Exit.succeed("failed"))
      assert.deepStrictEqual(begun, idsOf(five.slice(0, 4)))
      yield* Effect.forEach([...inFlight], ({ end }) => end(Exit.succeed("completed")))
      yield* publish(five.slice(4))
      assert.deepStrictEqual(begun, idsOf(five))
    }))

  it.effect("takes the next ones when half of many are through", () =>
    Effect.gen(function* () {
      const { inFlight, begun, start, publish } = yield* world
      yield* start(200)
      const orders = someOrders(61)
      yield* publish(orders.slice(0, 60))
      yield* publish(orders.slice(60))
      const half = inFlight.slice(0, 30)
      yield* Effect.forEach(half.slice(1), ({ end }) => end(Exit.succeed("completed")))
      assert.deepStrictEqual(begun, idsOf(orders.slice(0, 60)))
      yield* half[0]!.end(Exit.succeed("failed"))
      assert.deepStrictEqual(begun, idsOf(orders))
    }))

  it.effect("has two takes in flight while there is a backlog, and takes as many again when one is through", () =>
    Effect.gen(function* () {
      const { inFlight, begun, start, publish } = yield* world
      yield* start(20)
      const orders = someOrders(50)
      yield* publish(orders)
      assert.deepStrictEqual(begun, idsOf(orders.slice(0, 20)))
      const ten = [...inFlight.slice(0, 5), ...inFlight.slice(12, 17)]
      yield* Effect.forEach(ten.slice(1), ({ end }) => end(Exit.succeed("completed")))
      assert.strictEqual(begun.length, 20)
      yield* ten[0]!.end(Exit.succeed("completed"))
      assert.deepStrictEqual(begun, idsOf(orders.slice(0, 30)))
      while (inFlight.length > 0) yield* inFlight[0]!.end(Exit.succeed("completed"))
      assert.deepStrictEqual(begun, idsOf(orders))
    }))

  it.effect("does not wait for long for a saga that is stuck before it takes the next ones", () =>
    Effect.gen(function* () {
      const { begun, start, publish } = yield* world
      yield* start()
      const [stuck, next] = someOrders(2)
      yield* publish([stuck!])
      yield* publish([next!])
      yield* TestClock.adjust("149 millis")
      yield* settled
      assert.deepStrictEqual(begun, idsOf([stuck!]))
      yield* TestClock.adjust("1 millis")
      yield* settled
      assert.deepStrictEqual(begun, idsOf([stuck!, next!]))
    }))

  it.effect("tells a saga that its order was delivered before", () =>
    Effect.gen(function* () {
      const { inFlight, start, publish } = yield* world
      yield* publish(someOrders(1))
      const { stop } = yield* start()
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      yield* TestClock.adjust(drainMs)
      yield* Fiber.join(stopping)
      yield* start()
      assert.deepStrictEqual(inFlight.map(({ redelivered }) => redelivered), [true])
    }))

  it.effect("buries an order whose saga met a defect, or that the register does not know, and goes on", () =>
    Effect.gen(function* () {
      const { stream, inFlight, start, publish, orders } = yield* world
      yield* start(2)
      const four = someOrders(4)
      yield* publish(four)
      yield* inFlight[0]!.end(Exit.die(new Error("another reservation is on record")))
      yield* inFlight[0]!.end(Exit.succeed("unknown"))
      assert.deepStrictEqual(orders(), idsOf(four.slice(2)))
      assert.deepStrictEqual(
        stream.deadLetters.map(({ delivery, cause }) => [
          delivery.message.orderId,
          cause.split("\n")[0],
        ]),
        [
          [four[0]!.orderId, "Error: another reservation is on record"],
          [four[1]!.orderId, "The orders service does not know this order"],
        ],
      )
      assert.strictEqual(stream.unacknowledged, 2)
    }))

  it.effect("leaves an order on the queue whose saga was interrupted", () =>
    Effect.gen(function* () {
      const { stream, inFlight, start, publish } = yield* world
      yield* start()
      yield* publish(someOrders(1))
      yield* inFlight[0]!.end(Exit.interrupt())
      assert.deepStrictEqual(inFlight, [])
      assert.strictEqual(stream.unacknowledged, 1)
      assert.deepStrictEqual(stream.deadLetters, [])
    }))

  it.effect("runs the saga of an order once while it is delivered twice", () =>
    Effect.gen(function* () {
      const { stream, inFlight, begun, start, publish } = yield* world
      yield* start()
      const [order] = someOrders(1)
      yield* publish([order!, { ...order!, republished: 1 }])
      yield* publish([{ ...order!, republished: 2 }])
      yield* gathered
      assert.strictEqual(inFlight.length, 1)
      // The entry of the run in flight is what keeps the order safe.
      assert.strictEqual(stream.unacknowledged, 1)
      yield* inFlight[0]!.end(Exit.succeed("completed"))
      assert.strictEqual(stream.unacknowledged, 0)
      // After its end it runs again: it may have been published for a reason.
      yield* publish([{ ...order!, republished: 3 }])
      assert.strictEqual(begun.length, 2)
    }))

  it.effect("has no more than so many in flight, and goes on as there is room", () =>
    Effect.gen(function* () {
      const { stream, inFlight, begun, start, publish, most } = yield* world
      yield* start(3)
      const ten = someOrders(10)
      yield* publish(ten)
      yield* gathered
      assert.deepStrictEqual(begun, idsOf(ten.slice(0, 3)))
      yield* inFlight[1]!.end(Exit.succeed("completed"))
      yield* gathered
      assert.deepStrictEqual(begun, idsOf(ten.slice(0, 4)))
      while (inFlight.length > 0) {
        yield* Effect.forEach([...inFlight], ({ end }) => end(Exit.succeed("completed")))
        yield* gathered
      }
      assert.deepStrictEqual(begun, idsOf(ten))
      assert.strictEqual(most(), 3)
      assert.strictEqual(stream.unacknowledged, 0)
    }))

  it.effect("measures the sagas that are in flight, down to none", () =>
    Effect.gen(function* () {
      const { inFlight, start, publish } = yield* world
      yield* start()
      yield* publish(someOrders(2))
      assert.strictEqual((yield* runningSagas)?.value, 2)
      yield* inFlight[0]!.end(Exit.succeed("completed"))
      assert.strictEqual((yield* runningSagas)?.value, 1)
      yield* inFlight[0]!.end(Exit.succeed("failed"))
      assert.strictEqual((yield* runningSagas)?.value, 0)
    }))

  it.effect("keeps trying while the queue is away, and recovers from a defect too", () =>
    Effect.gen(function* () {
      const { inFlight, start, publish } = yield* world
      let attempts = 0
      yield* start(100, (queue) => ({
        ...queue,
        take: (max) => {
          attempts++
          if (attempts === 20) return Effect.die(new Error("a defect"))
          return attempts <= 40 ? Effect.fail(away) : queue.take(max)
        },
      }))
      yield* publish(someOrders(1))
      for (let half = 0; half < 200; half++) {
        yield* TestClock.adjust("500 millis")
        yield* settled
      }
      assert.strictEqual(inFlight.length, 1)
      // It asks again every two seconds at the least often, and does not hammer.
      assert.isAtMost(attempts, 45)
    }))

  it.effect("repeats an acknowledgement until the queue has taken it", () =>
    Effect.gen(function* () {
      const { stream, inFlight, start, publish } = yield* world
      let isAway = true
      yield* start(100, (queue) => ({
        ...queue,
        acknowledge: (ids) => isAway ? Effect.fail(away) : queue.acknowledge(ids),
        deadLetter: (letters) => isAway ? Effect.fail(away) : queue.deadLetter(letters),
      }))
      yield* publish(someOrders(2))
      yield* inFlight[0]!.end(Exit.succeed("completed"))
      yield* inFlight[0]!.end(Exit.succeed("unknown"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(stream.unacknowledged, 2)
      isAway = false
      yield* TestClock.adjust("2 seconds")
      yield* settled
      assert.strictEqual(stream.unacknowledged, 0)
      assert.strictEqual(stream.deadLetters.length, 1)
    }))
})
