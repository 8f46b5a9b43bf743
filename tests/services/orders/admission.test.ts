/**
 * Admission: how many orders may be unfinished in all and per user, and how fast a user may place
 * them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import {
  type Answer,
  type CallOptions,
  place,
  type RunningOrders,
  startOrders,
  wanted,
} from "./running-orders.ts"
import { until } from "./until.ts"

/** Triggers the next count, and waits until the metric shows it. */
const counted = (running: RunningOrders, expected: number) =>
  until(
    `${expected} unfinished orders are counted`,
    Effect.gen(function* () {
      yield* TestClock.adjust("1 second")
      const text = yield* Effect.promise(async () => (await running.app.request("/metrics")).text())
      return new RegExp(`^orders_unfinished ${expected}$`, "m").test(text)
    }),
  )

/** Posts an order, and lets the test's time pass until the answer comes. */
const post = (running: RunningOrders, options: CallOptions = {}): Effect.Effect<Answer> =>
  Effect.gen(function* () {
    const call = running.call("/api/orders/", { body: wanted, ...options })
    const fiber = yield* Effect.forkChild(call, { startImmediately: true })
    yield* until(
      "the order is answered",
      // Real time too: otherwise a slow machine would see a token refilled before the answer.
      Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10))).pipe(
        Effect.andThen(TestClock.adjust("100 millis")),
        Effect.map(() => fiber.pollUnsafe() !== undefined),
      ),
    )
    return yield* Fiber.join(fiber)
  })

const assertRefused = ({ status, headers, body }: Answer, expected: number, code: string) => {
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
  assert.deepStrictEqual([status, body.code], [expected, code])
  assert.match(headers.get("retry-after")!, /^[1-9]\d*$/)
}

const stored = ({ status }: Answer) => assert.strictEqual(status, 201)
const tooMany = (answer: Answer) => assertRefused(answer, 503, "overloaded")
const tooManyOfOne = (answer: Answer) => assertRefused(answer, 429, "too_many_unfinished_orders")
const tooFast = (answer: Answer) => assertRefused(answer, 429, "orders_too_fast")

/** Completes the order by a decision, so that its replica knows at once. */
const complete = (running: RunningOrders, id: string) =>
  running.decide({ orderId: id as never, decision: "complete" })

describe("the backlog", () => {
  it.effect("refuses new orders above its limit, and takes them again when one is final", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "3" })
      const [first] = yield* Effect.replicateEffect(place(running), 3)
      for (let again = 0; again < 2; again++) tooMany(yield* post(running))
      // Nothing was stored, and everything else still works.
      assert.strictEqual((yield* running.call("/api/orders/")).body.length, 3)
      yield* complete(running, first!.id)
      stored(yield* post(running))
      tooMany(yield* post(running))
    }))

  it.effect("lets a waiting request in as soon as there is room", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "1" })
      const { id } = yield* place(running)
      const waiting = yield* Effect.forkChild(place(running), { startImmediately: true })
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      assert.isUndefined(waiting.pollUnsafe())
      yield* complete(running, id)
      // The clock stands still: only the latch lets it in.
      yield* until("the request is let in", () => waiting.pollUnsafe() !== undefined)
      assert.notStrictEqual((yield* Fiber.join(waiting)).id, id)
    }))

  it.effect("refuses before the body is read", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "1" })
      yield* place(running)
      tooMany(yield* post(running, { body: "no order" }))
    }))

  it.effect("keeps no room for requests that store nothing", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "2", ORDERS_PER_USER: "2" })
      for (let n = 0; n < 5; n++) {
        assert.strictEqual((yield* running.call("/api/orders/", { body: "no order" })).status, 400)
        const headers = { "idempotency-key": "\t" }
        assert.strictEqual(
          (yield* running.call("/api/orders/", { body: wanted, headers })).status,
          400,
        )
      }
      yield* Effect.replicateEffect(place(running), 2)
    }))

  it.effect("answers a retry with its key, even when it takes no new orders", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "1" })
      const keyed = (key: string, body: unknown = wanted) => ({
        body,
        headers: { "idempotency-key": key },
      })
      const first = yield* running.call("/api/orders/", keyed("one"))
      assert.strictEqual(first.status, 201)
      // The clock stands still, so the retry does not wait.
      const again = yield* running.call("/api/orders/", keyed("one"))
      assert.deepStrictEqual([again.status, again.body.id], [201, first.body.id])
      const other = yield* running.call("/api/orders/", keyed("one", { ...wanted, amount: 7 }))
      assert.strictEqual(other.status, 422)
      tooMany(yield* post(running, keyed("two")))
    }))

  it.effect("counts the orders of all replicas, including those being compensated", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "2" })
      const { id } = yield* place(running)
      yield* running.decide({ orderId: id, decision: "abort", reason: "Order timed out" })
      yield* place(running)
      const other = yield* running.replica()
      tooMany(yield* post(other))
      // Ends of orders that another replica stored are seen at the next count.
      yield* running.decide({ orderId: id, decision: "settle" })
      yield* counted(other, 1)
      stored(yield* post(other))
    }))

  it.effect("is counted again after a count that failed", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ BACKLOG_LIMIT: "2" })
      const [first] = yield* Effect.replicateEffect(place(running), 2)
      yield* counted(running, 2)
      yield* Effect.promise(() => running.sql`alter table orders rename to hidden`)
      yield* TestClock.adjust("1 second")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      yield* Effect.promise(() => running.sql`alter table hidden rename to orders`)
      yield* complete(running, first!.id)
      yield* counted(running, 1)
      stored(yield* post(running))
    }))
})

describe("a user", () => {
  it.effect("may have a limited number of unfinished orders, which does not affect others", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ ORDERS_PER_USER: "2" })
      const [first] = yield* Effect.replicateEffect(place(running), 2)
      tooManyOfOne(yield* post(running))
      yield* place(running, { user: "bob" })
      yield* complete(running, first!.id)
      stored(yield* post(running))
      tooManyOfOne(yield* post(running))
    }))

  it.effect("has one limit for all replicas together", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ ORDERS_PER_USER: "2" })
      const other = yield* running.replica()
      const { id } = yield* place(running)
      yield* place(running)
      yield* counted(other, 2)
      tooManyOfOne(yield* post(other))
      yield* complete(running, id)
      yield* counted(other, 1)
      stored(yield* post(other))
    }))

  it.effect("is not locked out when the end of an order is not announced", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ ORDERS_PER_USER: "1" })
      yield* place(running)
      tooManyOfOne(yield* post(running))
      yield* Effect.promise(() =>
        running.sql`update orders set status = 'completed', publish_at = null, decided_at = now()`
      )
      yield* counted(running, 0)
      stored(yield* post(running))
    }))

  it.effect("may place a burst, and then a number per second", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ ORDERS_PER_USER: "4", ORDERS_PER_SECOND: "2" })
      const placeFinal = Effect.flatMap(place(running), ({ id }) => complete(running, id))
      yield* Effect.replicateEffect(placeFinal, 4)
      const waiting = yield* Effect.forkChild(place(running), { startImmediately: true })
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      assert.isUndefined(waiting.pollUnsafe())
      yield* until(
        "a token is refilled",
        Effect.map(TestClock.adjust("200 millis"), () => waiting.pollUnsafe() !== undefined),
      )
      yield* complete(running, (yield* Fiber.join(waiting)).id)
      // A user who exceeds the rate is told so; others are not affected.
      const answers = yield* Effect.all([post(running), post(running), post(running)], {
        concurrency: "unbounded",
      })
      tooFast(answers.find(({ status }) => status !== 201)!)
      assert.isTrue(answers.some(({ status }) => status === 201))
      yield* place(running, { user: "bob" })
    }))

  it.effect("gets the answer to a retry, even above both limits", () =>
    Effect.gen(function* () {
      const running = yield* startOrders({ ORDERS_PER_USER: "1", ORDERS_PER_SECOND: "1" })
      const headers = { "idempotency-key": "one" }
      const first = yield* running.call("/api/orders/", { body: wanted, headers })
      tooManyOfOne(yield* post(running))
      for (let n = 0; n < 5; n++) {
        const { status, body } = yield* running.call("/api/orders/", { body: wanted, headers })
        assert.deepStrictEqual([status, body.id], [201, first.body.id])
      }
    }))
})
