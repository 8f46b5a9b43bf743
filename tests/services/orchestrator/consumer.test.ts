/** The consumer over a queue in memory, with sagas that end as a test tells them. Times are the test clock's. */
import { assert, describe, it } from "@effect/vitest"
import {
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Metric,
  MutableList,
  References,
  Scope,
} from "effect"
import { TestClock } from "effect/testing"
import { consumerLayer } from "#services/orchestrator/consumer.ts"
import { SagaRunner } from "#services/orchestrator/saga-runner.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { makeMemoryStream, memoryOrderQueue } from "#shared/queue/memory.ts"
import { OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import type { SagaEnd } from "#shared/saga/run-saga.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"

type Queue = OrderQueue["Service"]

interface Running {
  readonly message: OrderMessage
  readonly redelivered: boolean
  readonly end: (exit: Exit.Exit<SagaEnd>) => Effect.Effect<void>
}

const drainMs = 4_000

const world = Effect.gen(function* () {
  const stream = makeMemoryStream(1000)
  const publisher = yield* memoryOrderQueue(stream)
  /** Sagas in flight, and all that ever began. */
  const inFlight: Array<Running> = []
  const begun: Array<string> = []
  let most = 0
  const runner = SagaRunner.of({
    runToEnd: (message, redelivered) =>
      Effect.gen(function* () {
        const ended = yield* Deferred.make<SagaEnd>()
        const running: Running = {
          message,
          redelivered,
          end: (exit) => Effect.andThen(Deferred.done(ended, exit), settled),
        }
        inFlight.push(running)
        begun.push(message.orderId)
        most = Math.max(most, inFlight.length)
        return yield* Deferred.await(ended).pipe(
          Effect.ensuring(Effect.sync(() => inFlight.splice(inFlight.indexOf(running), 1))),
        )
      }),
  })
  /** A consumer; `disturb` makes its queue do as the test tells. */
  const start = (sagasInFlight = 100, disturb: (queue: Queue) => Queue = (queue) => queue) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer(() =>
        Effect.andThen(
          Effect.forEach([...inFlight], ({ end }) => end(Exit.succeed("completed"))),
          Scope.close(scope, Exit.void),
        )
      )
      const queue = disturb(yield* Scope.provide(memoryOrderQueue(stream), scope))
      yield* Layer.build(consumerLayer({ sagasInFlight, drainMs })).pipe(
        Scope.provide(scope),
        Effect.provideService(OrderQueue, queue),
        Effect.provideService(SagaRunner, runner),
        // What goes wrong on purpose is warned of.
        Effect.provideService(References.MinimumLogLevel, "None"),
      )
      yield* settled
      return { stop: Scope.close(scope, Exit.void) }
    })
  return {
    stream,
    inFlight,
    begun,
    start,
    most: () => most,
    publish: (orders: ReadonlyArray<OrderMessage>) =>
      Effect.andThen(publisher.publish(orders), settled),
    orders: () => inFlight.map(({ message }) => message.orderId),
  }
})

/** Lets all that can go on do so. */
const settled = Effect.promise(async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
})

const idsOf = (orders: ReadonlyArray<OrderMessage>) => orders.map(({ orderId }) => orderId)

const runningSagas = Effect.map(
  Metric.snapshot,
  (all) => all.find(({ id }) => id === "sagas_running")?.state as { value: number } | undefined,
)

const away = new QueueUnavailable({ message: "the queue is away" })

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
      assert.deepStrictEqual(begun, idsOf(ten.slice(0, 3)))
      yield* inFlight[1]!.end(Exit.succeed("completed"))
      assert.deepStrictEqual(begun, idsOf(ten.slice(0, 4)))
      while (inFlight.length > 0) {
        yield* Effect.forEach([...inFlight], ({ end }) => end(Exit.succeed("completed")))
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

describe("a stop", () => {
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
      assert.deepStrictEqual(orders(), idsOf(two))
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
