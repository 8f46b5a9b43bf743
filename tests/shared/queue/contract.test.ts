/**
 * One contract for every order queue: nothing is lost, no entry is with two live consumers, and
 * nothing blocks the rest. Redis and Upstash are real servers, and consumers that crash are
 * processes that are killed. A claim time of 600 millis stands for "soon", one of a minute for
 * "never in this test".
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Logger, Scope } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { OrderQueue } from "#shared/queue/order-queue.ts"
import {
  anOrder,
  type Implementation,
  implementations,
  someOrders,
  type Subject,
  until,
} from "./subjects.ts"

type Queue = OrderQueue["Service"]
const soon = "600 millis"
/**
 * Long enough for a busy machine, which pauses the whole process now and then, to let a consumer
 * show that it lives.
 */
const steady = "3 seconds"
const never = "1 hour"
const empty = { length: 0, pending: 0 }

const ordersOf = (items: ReadonlyArray<{ readonly message: { readonly orderId: string } }>) =>
  items.map(({ message }) => message.orderId)

/** Takes until there are this many entries. */
const takeAll = Effect.fnUntraced(function* (queue: Queue, count: number) {
  const taken = [...yield* queue.take(count)]
  while (taken.length < count) taken.push(...yield* queue.take(count - taken.length))
  return taken
})

const acknowledgeAll = (queue: Queue, taken: ReadonlyArray<{ readonly entryId: string }>) =>
  queue.acknowledge(taken.map(({ entryId }) => entryId))

/** Runs the effect, and returns what it logged: the message and the annotations of each line. */
const logOf = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const lines: Array<readonly [message: unknown, annotations: Record<string, unknown>]> = []
  const logger = Logger.make((entry) => {
    const { message, annotations } = Logger.formatStructured.log(entry)
    lines.push([message, annotations])
  })
  yield* Effect.provide(effect, Logger.layer([logger]))
  return lines
})

describe.each(Object.entries(implementations))("OrderQueue over %s", (name, start) => {
  let implementation: Implementation
  beforeAll(async () => {
    implementation = await start()
  })
  afterAll(() => implementation.stop())
  const subject = (claimAfter: "600 millis" | "3 seconds" | "1 hour"): Subject =>
    implementation.subject(claimAfter)

  it.live("hands out what was published, in order and no more than requested", () =>
    Effect.gen(function* () {
      const queue = yield* subject(never).open("a")
      const orders = someOrders(10)
      yield* queue.publish(orders.slice(0, 4))
      yield* queue.publish(orders.slice(4))
      const first = yield* queue.take(3)
      assert.isAtMost(first.length, 3)
      const taken = [...first, ...yield* takeAll(queue, 10 - first.length)]
      assert.deepStrictEqual(taken.map(({ message }) => message), orders)
      assert.isTrue(taken.every(({ redelivered }) => !redelivered))
    }))

  it.live("hands out orders with extreme values as they were published", () =>
    Effect.gen(function* () {
      const queue = yield* subject(never).open("a")
      const most = Number.MAX_SAFE_INTEGER
      const orders = [
        { ...anOrder(), username: "x".repeat(150), amountMinor: most, republished: most },
        { ...anOrder(), username: "\u{1f600}\n\r\t\u2028 \"'\\ %s", amountMinor: 1 },
        { ...anOrder(), details: { item: 2 ** 31 - 1, slot: "23:59" }, createdAtMs: 0 },
        { ...anOrder(), steps: anOrder().steps.slice(0, 1), createdAtMs: Date.UTC(9999, 11, 31) },
      ]
      yield* queue.publish(orders)
      const taken = yield* takeAll(queue, orders.length)
      assert.deepStrictEqual<ReadonlyArray<OrderMessage>>(
        taken.map(({ message }) => message),
        orders,
      )
      yield* acknowledgeAll(queue, taken)
    }))

  it.live("waits for entries that are not there yet", () =>
    Effect.gen(function* () {
      const queue = yield* subject(never).open("a")
      const waiting = yield* Effect.forkChild(queue.take(5), { startImmediately: true })
      const order = anOrder()
      yield* queue.publish([order])
      assert.deepStrictEqual(ordersOf(yield* Fiber.join(waiting)), [order.orderId])
    }))

  it.live("gives all that was published together to the consumer that waited", () =>
    Effect.gen(function* () {
      const queue = yield* subject(never).open("a")
      yield* queue.publish([anOrder()])
      yield* takeAll(queue, 1)
      const waiting = yield* Effect.forkChild(queue.take(200), { startImmediately: true })
      const orders = someOrders(200)
      yield* queue.publish(orders)
      assert.deepStrictEqual(
        ordersOf(yield* Fiber.join(waiting)),
        orders.map(({ orderId }) => orderId),
      )
    }))

  it.live("keeps nothing that was acknowledged", () =>
    Effect.gen(function* () {
      const { open, backlog } = subject(never)
      const queue = yield* open("a")
      yield* queue.publish(someOrders(5))
      const taken = yield* takeAll(queue, 5)
      assert.deepStrictEqual(yield* backlog, { length: 5, pending: 5 })
      yield* acknowledgeAll(queue, taken)
      yield* acknowledgeAll(queue, taken)
      assert.deepStrictEqual(yield* backlog, empty)
    }))

  it.live("accepts empty batches", () =>
    Effect.gen(function* () {
      const queue = yield* subject(never).open("a")
      yield* queue.publish([])
      yield* queue.acknowledge([])
      yield* queue.deadLetter([])
      yield* queue.ping
    }))

  it.live(
    "hands each of a thousand orders to one of many concurrent takers",
    () =>
      Effect.gen(function* () {
        const { open, backlog } = subject(never)
        const orders = someOrders(1000)
        const seen: Array<string> = []
        const work = Effect.fnUntraced(function* (queue: Queue) {
          while (seen.length < orders.length) {
            const taken = yield* queue.take(17)
            seen.push(...ordersOf(taken))
            yield* acknowledgeAll(queue, taken)
          }
        })
        const consumers = yield* Effect.forEach(["a", "b", "c"], open)
        const workers = yield* Effect.forEach(
          consumers.flatMap((queue) => [queue, queue]),
          (queue) => Effect.forkScoped(work(queue)),
        )
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, n) => orders.slice(n * 50, n * 50 + 50)),
          (batch, n) => consumers[n % 3]!.publish(batch),
          { concurrency: 5, discard: true },
        )
        yield* Effect.raceAllFirst(workers.map(Fiber.join))
        assert.deepStrictEqual(seen.toSorted(), orders.map(({ orderId }) => orderId).toSorted())
        yield* until(backlog, (now) => now.length === 0 && now.pending === 0)
      }),
  )

  it.live(
    "gives a crashed consumer's entries to another one, soon and marked as redelivered",
    () =>
      Effect.gen(function* () {
        const { open, crash, backlog } = subject(soon)
        const survivor = yield* open("survivor")
        yield* survivor.publish(someOrders(5))
        const lost = yield* crash("victim", 5)
        const taken = yield* takeAll(survivor, 5)
        assert.deepStrictEqual(ordersOf(taken).toSorted(), lost.toSorted())
        assert.isTrue(taken.every(({ redelivered }) => redelivered))
        yield* acknowledgeAll(survivor, taken)
        assert.deepStrictEqual(yield* backlog, empty)
      }),
  )

  it.live(
    "gives a restarted consumer its own entries back at once, before new ones",
    () =>
      Effect.gen(function* () {
        const { open, crash, backlog } = subject(never)
        const publisher = yield* open("publisher")
        yield* publisher.publish(someOrders(5))
        const lost = yield* crash("victim", 5)
        const later = anOrder()
        yield* publisher.publish([later])
        const restarted = yield* open("victim")
        const taken = yield* takeAll(restarted, 6)
        assert.deepStrictEqual(ordersOf(taken), [...lost, later.orderId])
        assert.deepStrictEqual(taken.map(({ redelivered }) => redelivered), [
          ...lost.map(() => true),
          false,
        ])
        yield* acknowledgeAll(restarted, taken)
        assert.deepStrictEqual(yield* backlog, empty)
      }),
  )

  it.live("releases its entries when a consumer closes", () =>
    Effect.gen(function* () {
      const { open, backlog } = subject(never)
      const scope = yield* Scope.make()
      const leaving = yield* Scope.provide(open("leaving"), scope)
      yield* leaving.publish(someOrders(5))
      const held = yield* takeAll(leaving, 5)
      yield* acknowledgeAll(leaving, held.slice(0, 2))
      yield* Scope.close(scope, Exit.void)
      const staying = yield* open("staying")
      const taken = yield* takeAll(staying, 3)
      assert.deepStrictEqual(ordersOf(taken), ordersOf(held.slice(2)))
      assert.isTrue(taken.every(({ redelivered }) => redelivered))
      assert.deepStrictEqual(yield* backlog, { length: 3, pending: 3 })
    }))

  it.live(
    "lets nobody claim the entries of a live consumer, however long it holds them",
    () =>
      Effect.gen(function* () {
        const { open, crash, backlog } = subject(steady)
        const holder = yield* open("holder")
        const other = yield* open("other")
        const mine = anOrder()
        yield* holder.publish([mine])
        const held = yield* holder.take(1)
        // Whatever the other consumer gets was left alone for the claim time; the holder's entries
        // are older than all of it.
        for (const victim of ["first", "second"]) {
          yield* holder.publish([anOrder()])
          const [lost] = yield* crash(victim, 1)
          const taken = yield* other.take(10)
          assert.deepStrictEqual(ordersOf(taken), [lost])
          yield* acknowledgeAll(other, taken)
        }
        assert.deepStrictEqual(yield* backlog, { length: 1, pending: 1 })
        yield* acknowledgeAll(holder, held)
        assert.deepStrictEqual(yield* backlog, empty)
      }),
  )

  it.live("loses nothing when a take is interrupted", () =>
    Effect.gen(function* () {
      const queue = yield* subject(never).open("a")
      const orders = someOrders(60)
      const seen: Array<string> = []
      const take = (max: number) =>
        Effect.map(queue.take(max), (taken) => {
          seen.push(...ordersOf(taken))
        })
      for (let n = 0; n < orders.length; n += 3) {
        const waiting = yield* Effect.forkChild(take(3), { startImmediately: true })
        const publishing = yield* Effect.forkChild(queue.publish(orders.slice(n, n + 3)))
        // Sometimes before the entries are there, sometimes while they are on their way.
        if (n % 2 === 0) yield* Fiber.join(publishing)
        yield* Fiber.interrupt(waiting)
        yield* Fiber.join(publishing)
        // The interrupted take was to bring more than this one wants.
        if (n % 4 === 0 && seen.length < n + 3) yield* take(1)
      }
      while (seen.length < orders.length) yield* take(1)
      assert.deepStrictEqual(seen, orders.map(({ orderId }) => orderId))
    }))

  it.live("moves dead letters out of the way, with their cause", () =>
    Effect.gen(function* () {
      const { open, backlog, deadLetters } = subject(never)
      const queue = yield* open("a")
      yield* queue.publish(someOrders(2))
      const [bad, good] = yield* takeAll(queue, 2)
      yield* queue.deadLetter([{ delivery: bad!, cause: "the item is not of this world" }])
      assert.deepStrictEqual(yield* backlog, { length: 1, pending: 1 })
      const causes = (yield* deadLetters).map(({ cause }) => cause)
      assert.deepStrictEqual(causes, ["the item is not of this world"])
      yield* acknowledgeAll(queue, [good!])
      assert.deepStrictEqual(yield* backlog, empty)
    }))

  it.live("writes and logs one letter for an order, however often it fails", () =>
    Effect.gen(function* () {
      const { open, backlog, deadLetters } = subject(never)
      const queue = yield* open("a")
      const [order, other] = someOrders(2) as [OrderMessage, OrderMessage]
      const fail = Effect.fnUntraced(
        function* (messages: ReadonlyArray<OrderMessage>, why: string) {
          yield* queue.publish(messages)
          const taken = yield* takeAll(queue, messages.length)
          const letters = taken.map((delivery) => ({
            delivery,
            cause: `${delivery.message.username} fails\n  ${why}`,
          }))
          yield* queue.deadLetter(letters)
          // A client that lost the answer sends the request again.
          yield* queue.deadLetter(
            letters.filter(({ delivery }) => delivery.message.republished > 0),
          )
        },
      )
      const lines = yield* logOf(Effect.gen(function* () {
        yield* fail([order, other, order], "at first")
        for (const republished of [1, 2, 3]) yield* fail([{ ...order, republished }], "again")
      }))
      assert.deepStrictEqual(
        (yield* deadLetters).map(({ cause }) => cause),
        [order, other].map(({ username }) => `${username} fails\n  at first`),
      )
      assert.strictEqual(lines.length, 2)
      for (const [n, { username, orderId }] of [order, other].entries()) {
        const [message, annotations] = lines[n]!
        assert.match(String(message), /^Entry \S+ of the order queue is a dead letter: [^\n]+$/)
        assert.include(String(message), `${username} fails at first`)
        assert.deepStrictEqual([typeof message, annotations], ["string", { orderId }])
      }
      assert.deepStrictEqual(yield* backlog, empty)
    }))

  // The queue in memory has only valid messages, and nobody can delete its letters from outside.
  if (name === "memory") return
  it.live("makes a dead letter of an entry that it cannot read", () =>
    Effect.gen(function* () {
      const { open, backlog, deadLetters, poison } = subject(never)
      const queue = yield* open("a")
      const orders = someOrders(2)
      yield* queue.publish(orders.slice(0, 1))
      yield* poison!(["hello", "world"])
      yield* poison!(["message", "{"])
      yield* poison!(["message", JSON.stringify({ ...anOrder(), amountMinor: -1 })])
      yield* queue.publish(orders.slice(1))
      const taken = yield* takeAll(queue, 2)
      assert.deepStrictEqual(taken.map(({ message }) => message), orders)
      yield* acknowledgeAll(queue, taken)
      assert.deepStrictEqual(yield* backlog, empty)
      const causes = (yield* deadLetters).map(({ cause }) => cause)
      assert.match(causes[0]!, /^there is no field "message"$/)
      assert.match(causes[1]!, /^the message is not JSON: [^\n]+$/)
      assert.match(causes[2]!, /^the message is not an order message: [^\n]+amountMinor[^\n]+$/)
      assert.strictEqual(causes.length, 3)
    }))

  it.live("writes one letter for an order's unreadable entries, and one for each other", () =>
    Effect.gen(function* () {
      const { open, backlog, deadLetters, poison } = subject(never)
      const queue = yield* open("a")
      const { orderId } = anOrder()
      const unreadable = ["message", JSON.stringify({ orderId })]
      const lines = yield* logOf(Effect.gen(function* () {
        for (const fields of [unreadable, ["hello", "world"], unreadable, ["hello", "world"]]) {
          yield* poison!(fields)
          yield* queue.publish([anOrder()])
          yield* acknowledgeAll(queue, yield* takeAll(queue, 1))
        }
      }))
      const none = 'there is no field "message"'
      assert.deepStrictEqual(
        (yield* deadLetters).map(({ cause }) => cause === none ? cause : "of the order"),
        ["of the order", none, none],
      )
      assert.deepStrictEqual(lines.map(([, annotations]) => annotations), [{ orderId }, {}, {}])
      assert.deepStrictEqual(yield* backlog, empty)
    }))

  it.live("gives an order a new letter when its first one was deleted, and only then", () =>
    Effect.gen(function* () {
      const { open, deadLetters, deleteLetters } = subject(never)
      const queue = yield* open("a")
      const order = anOrder()
      const fail = Effect.fnUntraced(function* (cause: string) {
        yield* queue.publish([order])
        const [delivery] = yield* takeAll(queue, 1)
        yield* queue.deadLetter([{ delivery: delivery!, cause }])
        return (yield* deadLetters).map(({ cause }) => cause)
      })
      assert.deepStrictEqual(yield* fail("at first"), ["at first"])
      assert.deepStrictEqual(yield* fail("redriven, with its letter kept"), ["at first"])
      yield* deleteLetters!
      assert.deepStrictEqual(yield* fail("redriven"), ["redriven"])
      assert.deepStrictEqual(yield* fail("again"), ["redriven"])
    }))

  it.live("forgets all dead letters that are too old, and no others", () =>
    Effect.gen(function* () {
      const { open, deadLetters, buriedAt } = subject(never)
      const days = (n: number) => Date.now() - n * Duration.toMillis("1 day")
      for (let n = 0; n < 5; n++) yield* buriedAt!(days(365) + n, "of last year")
      yield* buriedAt!(days(30) - 1_000, "a second too old")
      yield* buriedAt!(days(30) + 60_000, "a minute younger")
      yield* buriedAt!(days(0), "of now")
      const queue = yield* open("a")
      yield* Effect.forkChild(queue.take(1))
      const left = yield* until(deadLetters, ({ length }) => length < 8)
      assert.deepStrictEqual(left.map(({ cause }) => cause), ["a minute younger", "of now"])
    }))
})
