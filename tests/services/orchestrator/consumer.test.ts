import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric, Tracer } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import { TracingEnabled } from "#shared/telemetry/trace.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { away, drainMs, pass, settled, world } from "./consumer-world.ts"
import { isAway } from "./scripted-callees.ts"

/** The requests of a wave that is reserved to its end. */
const reserves = participantNames.map((name) => `reserve ${name}` as const)

type Queue = OrderQueue["Service"]

const idsOf = (orders: ReadonlyArray<OrderMessage>) => orders.map(({ orderId }) => orderId)

const runningSagas = Effect.map(
  Metric.snapshot,
  (all) => all.find(({ id }) => id === "sagas_running")?.state as { value: number } | undefined,
)

describe("the consumer", () => {
  it.effect("takes what there is as a wave: a request for each step, one decision, one acknowledgement", () =>
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

  it.effect("acknowledges what is completed while other orders of the wave are still being undone", () =>
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

  it.effect("has two waves in flight; what comes meanwhile is the next one, together", () =>
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

  it.effect("begins the next wave while one is held up by a participant that is away", () =>
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

  it.effect("has no more than so many orders in flight, and goes on as there is room", () =>
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
    it.effect(`begins the wave after one of ${taken} ${apartMs === 0 ? "at once" : `${apartMs} ms after it`}`, () =>
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

  it.effect("asks the register first of an order that was delivered before", () =>
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
      // The entry of the run in flight is what keeps the order safe.
      assert.strictEqual(stream.unacknowledged, 1)
      yield* release("reserve billing")
      assert.strictEqual(stream.unacknowledged, 0)
      // After its end it runs again: it may have been published for a reason.
      yield* publish([order!])
      assert.strictEqual(begun().length, 2)
    }))

  it.effect("buries an order that is refused, or that the register does not know, and no other one", () =>
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

  it.effect("buries those, too, of whom not even the beginning can be noted", () =>
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

describe("the consumer of a queue that is away", () => {
  it.effect("keeps trying, and recovers from a defect too", () =>
    Effect.gen(function* () {
      const { stream, start, publish } = yield* world
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
      for (let half = 0; half < 200; half++) yield* pass(500)
      assert.strictEqual(stream.unacknowledged, 0)
      // It asks again every two seconds at the least often, and does not hammer.
      assert.isAtMost(attempts, 45)
    }))

  /** A queue that gives, and takes nothing back. */
  const oneWay = (gone: { now: boolean }) => (queue: Queue): Queue => ({
    ...queue,
    acknowledge: (ids) =>
      Effect.suspend(() => gone.now ? Effect.fail(away) : queue.acknowledge(ids)),
    deadLetter: (letters) =>
      Effect.suspend(() => gone.now ? Effect.fail(away) : queue.deadLetter(letters)),
  })

  it.effect("repeats an acknowledgement, and a dead letter, until the queue has taken it", () =>
    Effect.gen(function* () {
      const { stream, poison, start, publish } = yield* world
      const gone = { now: true }
      yield* start(100, oneWay(gone))
      const three = someOrders(3)
      poison.set(three[0]!.orderId, "billing")
      yield* publish(three)
      yield* pass(60_000)
      assert.strictEqual(stream.unacknowledged, 3)
      gone.now = false
      yield* pass(2_000)
      assert.strictEqual(stream.unacknowledged, 0)
      assert.strictEqual(stream.deadLetters.length, 1)
    }))

  it.effect("loses sight of no order when telling it meets a defect", () =>
    Effect.gen(function* () {
      const { stream, poison, statuses, start, publish } = yield* world
      let told = 0
      const defect = Effect.die(new Error("a defect"))
      yield* start(3, (queue) => ({
        ...queue,
        acknowledge: (ids) => Effect.suspend(() => ++told === 1 ? defect : queue.acknowledge(ids)),
        deadLetter: (letters) =>
          Effect.suspend(() => ++told === 2 ? defect : queue.deadLetter(letters)),
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

  it.effect("decides and undoes orders whatever becomes of those of their wave that have ended", () =>
    Effect.gen(function* () {
      const { stream, poison, rejects, statuses, start, publish, begun } = yield* world
      yield* start(100, oneWay({ now: true }))
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
