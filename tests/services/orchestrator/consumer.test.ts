import { assert, describe, it } from "@effect/vitest"
import { Effect, Tracer } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { TracingEnabled } from "#shared/telemetry/trace.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { drainMs, pass, runningSagas, settled, world } from "./consumer-world.ts"
import { isAway } from "./scripted-callees.ts"

/** The requests of a wave that is reserved to its end. */
const reserves = participantNames.map((name) => `reserve ${name}` as const)

const idsOf = (orders: ReadonlyArray<OrderMessage>) => orders.map(({ orderId }) => orderId)

describe("the consumer", () => {
  it.effect("takes waiting orders as a wave: a request for each step, one decision, one acknowledgement", () =>
    Effect.gen(function* () {
      const { stream, asked, start, publish } = yield* world
      let acknowledgements = 0
      yield* start(100, (queue) => ({
        ...queue,
        acknowledge: (ids) => (acknowledgements++, queue.acknowledge(ids)),
      }))
      const three = someOrders(3)
      yield* publish(three)
      const orderIds = idsOf(three)
      assert.deepStrictEqual(
        asked,
        [...reserves, "decide" as const].map((kind) => ({ kind, orderIds })),
      )
      assert.deepStrictEqual([acknowledgements, stream.unacknowledged], [1, 0])
      assert.deepStrictEqual(stream.deadLetters, [])
    }))

  it.effect("acknowledges completed orders while others of the wave are being undone", () =>
    Effect.gen(function* () {
      const { stream, rejects, holds, decisions, start, publish, release } = yield* world
      yield* start()
      const [good, bad] = someOrders(2)
      rejects.set(bad!.orderId, "slots")
      holds.add("cancel items")
      yield* publish([good!, bad!])
      assert.strictEqual(stream.unacknowledged, 1)
      yield* release("cancel items")
      assert.strictEqual(stream.unacknowledged, 0)
      assert.deepStrictEqual(
        decisions.map(({ orderId, decision }) => [orderId, decision]),
        [[good!.orderId, "complete"], [bad!.orderId, "abort"], [bad!.orderId, "settle"]],
      )
    }))

  it.effect("has two waves in flight, and takes all orders that come meanwhile as the next one", () =>
    Effect.gen(function* () {
      const { stream, holds, held, start, publish, begun } = yield* world
      yield* start()
      holds.add("reserve billing")
      const five = someOrders(5)
      for (const order of five) yield* publish([order])
      assert.deepStrictEqual(begun(), [idsOf(five.slice(0, 1)), idsOf(five.slice(1, 2))])
      assert.strictEqual(stream.waiting.length, 3)
      yield* Effect.andThen(held[1]!.answer, settled)
      assert.deepStrictEqual(begun().slice(2), [idsOf(five.slice(2))])
    }))

  it.effect("begins the next wave while another waits for an unavailable participant", () =>
    Effect.gen(function* () {
      const { stream, fails, start, publish, begun } = yield* world
      yield* start()
      fails.set("reserve items", isAway)
      const five = someOrders(5)
      for (const order of five) yield* publish([order])
      assert.strictEqual(begun().length, 5)
      assert.strictEqual(stream.unacknowledged, 5)
      fails.clear()
      yield* pass(3_000)
      assert.strictEqual(stream.unacknowledged, 0)
    }))

  it.effect("begins the next wave while others are being undone", () =>
    Effect.gen(function* () {
      const { stream, rejects, holds, start, publish, release, begun } = yield* world
      yield* start()
      const five = someOrders(5)
      for (const { orderId } of five) rejects.set(orderId, "items")
      holds.add("cancel billing")
      for (const order of five) yield* publish([order])
      assert.strictEqual(begun().length, 5)
      assert.strictEqual(stream.unacknowledged, 5)
      yield* release("cancel billing")
      assert.strictEqual(stream.unacknowledged, 0)
    }))

  it.effect("has a limited number of orders in flight, and takes more when there is room", () =>
    Effect.gen(function* () {
      const { stream, fails, start, publish, begun, mostInHand } = yield* world
      yield* start(3)
      fails.set("reserve items", isAway)
      const ten = someOrders(10)
      yield* publish(ten.slice(0, 2))
      yield* publish(ten.slice(2))
      yield* pass(60_000)
      assert.deepStrictEqual(begun(), [idsOf(ten.slice(0, 2)), idsOf(ten.slice(2, 3))])
      fails.clear()
      yield* pass(10_000)
      assert.deepStrictEqual(begun().flat(), idsOf(ten))
      assert.strictEqual(mostInHand(), 3)
      assert.strictEqual(stream.unacknowledged, 0)
    }))

  for (
    const [taken, apartMs] of [[1, 0], [3, 0], [40, 10], [400, 80], [999, 80], [1_000, 0]] as const
  ) {
    it.effect(`begins the wave after one of ${taken} ${apartMs === 0 ? "at once" : `${apartMs} ms later`}`, () =>
      Effect.gen(function* () {
        const { start, publish, begun } = yield* world
        yield* start()
        const orders = someOrders(taken + 2)
        yield* publish(orders.slice(0, taken))
        yield* publish(orders.slice(taken))
        const next = idsOf(orders.slice(taken))
        if (apartMs > 0) {
          yield* pass(apartMs - 1)
          assert.strictEqual(begun().length, 1)
          yield* pass(1)
        }
        assert.deepStrictEqual(begun().slice(1), [next])
      }))
  }

  it.effect("asks the register first about an order that was delivered before", () =>
    Effect.gen(function* () {
      const { asked, holds, start, publish, release } = yield* world
      holds.add("reserve billing")
      yield* publish(someOrders(1))
      const { stop } = yield* start()
      yield* Effect.forkChild(stop)
      yield* settled
      yield* pass(drainMs)
      yield* release("reserve billing")
      asked.length = 0
      yield* start()
      assert.deepStrictEqual(asked.map(({ kind }) => kind), [
        "decide",
        ...reserves,
        "decide",
      ])
    }))

  it.effect("runs the saga of an order once while it is delivered twice", () =>
    Effect.gen(function* () {
      const { stream, holds, start, publish, release, begun } = yield* world
      yield* start()
      holds.add("reserve billing")
      const [order] = someOrders(1)
      yield* publish([order!, { ...order!, republished: 1 }])
      yield* publish([{ ...order!, republished: 2 }])
      assert.deepStrictEqual(begun(), [[order!.orderId]])
      // The entry of the run in flight keeps the order safe.
      assert.strictEqual(stream.unacknowledged, 1)
      yield* release("reserve billing")
      assert.strictEqual(stream.unacknowledged, 0)
      // After its end it runs again: it may have been published for a reason.
      yield* publish([order!])
      assert.strictEqual(begun().length, 2)
    }))

  it.effect("buries an order that is refused or unknown to the register, and no other one", () =>
    Effect.gen(function* () {
      const { stream, poison, statuses, start, publish, letters } = yield* world
      yield* start()
      const orders = someOrders(20)
      const [refused, unknown] = [orders[7]!.orderId, orders[13]!.orderId]
      poison.set(refused, "items")
      statuses.set(unknown, "unknown")
      yield* publish(orders)
      assert.deepStrictEqual(letters(), [
        [refused, "items answered 400"],
        [unknown, "The orders service does not know this order"],
      ])
      assert.strictEqual(stream.unacknowledged, 0)
      assert.strictEqual([...statuses.values()].filter((one) => one === "completed").length, 18)
    }))

  it.effect("buries the orders of a wave that met a defect, and goes on with others", () =>
    Effect.gen(function* () {
      const { stream, fails, start, publish, letters } = yield* world
      yield* start(2)
      fails.set("decide", new Error("a defect"))
      const five = someOrders(5)
      yield* publish(five.slice(0, 2))
      assert.deepStrictEqual(
        letters(),
        five.slice(0, 2).map(({ orderId }) => [orderId, "Error: a defect"]),
      )
      fails.clear()
      yield* publish(five.slice(2))
      assert.strictEqual(stream.unacknowledged, 0)
      assert.strictEqual(stream.deadLetters.length, 2)
    }))

  it.effect("buries orders whose span cannot be started", () =>
    Effect.gen(function* () {
      const { stream, start, publish, begun } = yield* world
      const broken = Tracer.make({
        span: () => {
          throw new Error("a defect")
        },
      })
      yield* start().pipe(
        Effect.provideService(TracingEnabled, true),
        Effect.provideService(Tracer.Tracer, broken),
      )
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      for (const order of someOrders(3)) yield* publish([{ ...order, traceparent }])
      assert.deepStrictEqual(begun(), [])
      assert.deepStrictEqual([stream.deadLetters.length, stream.unacknowledged], [3, 0])
      assert.strictEqual((yield* runningSagas)?.value, 0)
    }))

  it.effect("measures the sagas that are in flight, down to none", () =>
    Effect.gen(function* () {
      const { rejects, holds, start, publish, release } = yield* world
      yield* start()
      const two = someOrders(2)
      rejects.set(two[1]!.orderId, "items")
      holds.add("reserve slots").add("cancel billing")
      yield* publish(two)
      assert.strictEqual((yield* runningSagas)?.value, 2)
      yield* release("reserve slots")
      assert.strictEqual((yield* runningSagas)?.value, 1)
      yield* release("cancel billing")
      assert.strictEqual((yield* runningSagas)?.value, 0)
    }))
})
