/**
 * The desk of every order queue: what a person sees of it, and what a person does about dead
 * letters.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, References, Schema } from "effect"
import { DeadLetterView, QueueState } from "#shared/contracts/queue.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import { anOrder, type Implementation, implementations, someOrders, until } from "./subjects.ts"

const quietly = Effect.provideService(References.MinimumLogLevel, "Error")

/** Publishes the orders, takes them, and buries each with this cause. */
const fail = Effect.fnUntraced(function* (
  queue: OrderQueue["Service"],
  orders: ReadonlyArray<OrderMessage>,
  cause = "a defect",
) {
  yield* queue.publish(orders)
  let left = orders.length
  while (left > 0) {
    const taken = yield* queue.take(left)
    left -= taken.length
    yield* quietly(queue.deadLetter(taken.map((delivery) => ({ delivery, cause }))))
  }
})

const all = { limit: 500 }

describe.each(Object.entries(implementations))("the desk over %s", (_, start) => {
  let implementation: Implementation
  beforeAll(async () => {
    implementation = await start()
  })
  afterAll(() => implementation.stop())
  const open = Effect.suspend(() => implementation.subject("1 hour").open("a"))

  it.live("shows its length, what nobody has taken, and how old that is", () =>
    Effect.gen(function* () {
      const queue = yield* open
      const empty = yield* queue.state
      assert.deepInclude(empty, { length: 0, lag: 0, inFlight: 0, ageMs: 0, lagMs: 0 })
      yield* queue.publish(someOrders(5))
      const [first] = yield* queue.take(1)
      yield* Effect.sleep(20)
      const state = yield* queue.state
      assert.isTrue(Schema.is(QueueState)(state))
      assert.deepInclude(state, { length: 5, lag: 4, inFlight: 1, deadLetters: 0 })
      assert.isAtLeast(state.ageMs, 1)
      assert.isAtLeast(state.lagMs, 1)
      assert.strictEqual(state.consumers[0]?.inFlight, 1)
      yield* queue.acknowledge([first!.entryId])
      assert.deepInclude(yield* queue.state, { length: 4, lag: 4, inFlight: 0 })
      const rest = yield* queue.take(4)
      assert.deepInclude(yield* queue.state, { lag: 0, lagMs: 0, inFlight: 4 })
      yield* queue.acknowledge(rest.map(({ entryId }) => entryId))
      assert.deepInclude(yield* queue.state, { length: 0, inFlight: 0, ageMs: 0 })
    }))

  it.live("shows dead letters page by page, oldest first, and the letter of an order", () =>
    Effect.gen(function* () {
      const queue = yield* open
      const orders = someOrders(5)
      for (const order of orders) yield* fail(queue, [order], `because of ${order.username}`)
      const first = yield* queue.letters({ limit: 3 })
      const rest = yield* queue.letters({ limit: 3, after: first[2]!.id })
      const letters = [...first, ...rest]
      assert.deepStrictEqual(letters.map(({ orderId }) => orderId), orders.map((o) => o.orderId))
      for (const [n, letter] of letters.entries()) {
        assert.isTrue(Schema.is(DeadLetterView)(letter))
        assert.deepInclude(letter, {
          cause: `because of ${orders[n]!.username}`,
          count: 1,
          unreadable: null,
        })
        assert.deepStrictEqual(letter.payload, ["message", JSON.stringify(orders[n])])
      }
      assert.deepStrictEqual(yield* queue.letters({ limit: 3, after: letters[4]!.id }), [])
      const { orderId } = orders[3]!
      assert.deepStrictEqual(
        (yield* queue.letters({ ...all, orderId })).map(({ id }) => id),
        [letters[3]!.id],
      )
      assert.deepStrictEqual(yield* queue.letters({ ...all, orderId: anOrder().orderId }), [])
      assert.strictEqual((yield* queue.state).deadLetters, 5)
    }))

  it.live("redrives a letter once, and goes on counting when its order fails again", () =>
    Effect.gen(function* () {
      const queue = yield* open
      const order = anOrder()
      yield* fail(queue, [order])
      // Published again meanwhile, the order fails beside its letter.
      yield* fail(queue, [order])
      const [letter] = yield* queue.letters(all)
      assert.strictEqual(letter!.count, 2)
      const id = letter!.id
      assert.deepStrictEqual(yield* queue.redrive([id, id]), [{ letter: id, outcome: "redriven" }])
      assert.deepStrictEqual(yield* queue.redrive([id]), [{ letter: id, outcome: "absent" }])
      assert.deepStrictEqual(yield* queue.letters(all), [])
      const taken = yield* queue.take(10)
      assert.deepStrictEqual(taken.map(({ message }) => message), [{ ...order, republished: 1 }])
      yield* quietly(queue.deadLetter([{ delivery: taken[0]!, cause: "once more" }]))
      const [again] = yield* queue.letters(all)
      assert.deepInclude(again, { cause: "once more", count: 3 })
      assert.notStrictEqual(again!.id, id)
      assert.deepInclude(yield* queue.state, { length: 0, deadLetters: 1 })
    }))

  it.live("redrives many, each separately, and names those that are absent", () =>
    Effect.gen(function* () {
      const queue = yield* open
      const orders = someOrders(60)
      yield* fail(queue, orders)
      const ids = (yield* queue.letters(all)).map(({ id }) => id)
      const given = yield* queue.redrive([...ids.slice(0, 50), "1-1"])
      assert.deepStrictEqual(given.map(({ outcome }) => outcome), [
        ...Array(50).fill("redriven"),
        "absent",
      ])
      assert.deepInclude(yield* queue.state, { length: 50, deadLetters: 10 })
    }))

  it.live("discards a letter once, with its count", () =>
    Effect.gen(function* () {
      const queue = yield* open
      const [order, other] = [anOrder(), anOrder()]
      yield* fail(queue, [order, other])
      const [letter] = yield* queue.letters({ ...all, orderId: order.orderId })
      assert.deepStrictEqual(yield* queue.discard([letter!.id, "1-1"]), [letter!.id])
      assert.deepStrictEqual(yield* queue.discard([letter!.id]), [])
      assert.deepStrictEqual(
        (yield* queue.letters(all)).map(({ orderId }) => orderId),
        [other.orderId],
      )
      yield* fail(queue, [order])
      assert.strictEqual((yield* queue.letters({ ...all, orderId: order.orderId }))[0]?.count, 1)
    }))

  it.live("does not redrive what cannot be decoded, and says why; it can be discarded", () =>
    Effect.gen(function* () {
      const subject = implementation.subject("1 hour")
      if (subject.poison === undefined) return
      const queue = yield* subject.open("a")
      yield* subject.poison(["hello", "world"])
      yield* subject.poison(["message", "{"])
      yield* Effect.forkChild(quietly(queue.take(1)))
      const letters = yield* until(queue.letters(all), ({ length }) => length === 2)
      const [first, second] = letters
      assert.deepInclude(first, {
        orderId: null,
        payload: ["hello", "world"],
        unreadable: 'there is no field "message"',
        count: 1,
      })
      assert.include(second!.unreadable, "not JSON")
      const given = yield* queue.redrive([first!.id])
      assert.deepStrictEqual(given, [
        { letter: first!.id, outcome: "unreadable", cause: 'there is no field "message"' },
      ])
      assert.deepInclude(yield* queue.state, { length: 0, deadLetters: 2 })
      assert.deepStrictEqual(yield* queue.discard([first!.id]), [first!.id])
      assert.deepStrictEqual((yield* queue.letters(all)).map(({ id }) => id), [second!.id])
    }))

  it.live("is wiped of everything that belongs to it, and goes on", () =>
    Effect.gen(function* () {
      const queue = yield* open
      const other = yield* implementation.subject("1 hour").open("a")
      yield* other.publish(someOrders(2))
      const order = anOrder()
      yield* fail(queue, [order])
      yield* queue.publish(someOrders(5))
      const inHand = yield* queue.take(2)
      assert.deepStrictEqual(yield* queue.wipe, { entries: 5, deadLetters: 1 })
      assert.deepInclude(yield* queue.state, { lag: 0, deadLetters: 0 })
      assert.deepStrictEqual(yield* queue.letters(all), [])
      yield* queue.acknowledge(inHand.map(({ entryId }) => entryId))
      assert.deepInclude(yield* queue.state, { length: 0, inFlight: 0 })
      // The count of its failures is gone, too.
      yield* fail(queue, [order])
      assert.deepInclude((yield* queue.letters(all))[0], { orderId: order.orderId, count: 1 })
      assert.deepInclude(yield* other.state, { length: 2 })
    }))
})
