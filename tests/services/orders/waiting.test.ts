/** Requests that wait for the end of an order (`Prefer: wait=N`), and the changes they wait for. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Changes } from "#services/orders/changes.ts"
import { Database } from "#shared/postgres/database.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { type Line, openLine } from "#tests/shared/postgres/line.ts"
import { anOrder } from "./an-order.ts"
import { type CallOptions, type RunningOrders, startOrders, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

/** Places an order and waits for its end. The test gets the id meanwhile. */
const placeAndWait = (running: RunningOrders, options: CallOptions = {}) =>
  Effect.gen(function* () {
    const known = yield* idsOf(running)
    const answer = yield* Effect.forkChild(
      running.call("/api/orders/", {
        body: wanted,
        ...options,
        headers: { prefer: "wait=10", ...options.headers },
      }),
    )
    let id: OrderId | undefined
    yield* until(
      "the order is stored",
      Effect.map(idsOf(running), (ids) => {
        id = ids.find((id) => !known.includes(id))
        return id !== undefined
      }),
    )
    return { id: id!, answer: Fiber.join(answer), pending: () => answer.pollUnsafe() === undefined }
  })

const idsOf = ({ sql }: RunningOrders) =>
  Effect.promise(async () =>
    (await sql<Array<{ id: OrderId }>>`select id from orders`).map(({ id }) => id)
  )

/** Lets the test's time pass, a tenth of a second at a time, while the condition holds. */
const timePassesWhile = (condition: () => boolean) =>
  Effect.gen(function* () {
    const started = performance.now()
    while (condition()) {
      if (performance.now() - started > 10_000) {
        return yield* Effect.die(new Error("The condition still holds after ten seconds"))
      }
      yield* TestClock.adjust("100 millis")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 2)))
    }
  })

// The clock stands still unless a test moves it, so all changes come by notification.
describe("Prefer: wait", () => {
  it.effect("answers as soon as the order is final, whichever replica decides it", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      const other = yield* running.replica()
      for (const { decide } of [running, other]) {
        const { id, answer } = yield* placeAndWait(running)
        yield* decide({ orderId: id, decision: "complete" })
        const { status, headers, body } = yield* answer
        assert.strictEqual(status, 201)
        assert.strictEqual(headers.get("preference-applied"), "wait=10")
        assert.deepInclude(body, { id, status: "completed", success: true })
      }
    }))

  it.effect("keeps waiting while the order is being compensated", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      const { id, answer, pending } = yield* placeAndWait(running)
      const reason = "Not enough money"
      yield* running.decide({ orderId: id, decision: "abort", reason })
      yield* timePassesWhile(() => false)
      assert.isTrue(pending())
      yield* running.decide({ orderId: id, decision: "settle" })
      assert.deepInclude((yield* answer).body, { status: "failed", success: false, reason })
    }))

  it.effect("answers with the order as it is after the wait", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      const { id, answer, pending } = yield* placeAndWait(running, {
        headers: { prefer: "wait=3" },
      })
      yield* timePassesWhile(pending)
      const { status, headers, body } = yield* answer
      assert.strictEqual(status, 201)
      assert.strictEqual(headers.get("preference-applied"), "wait=3")
      assert.deepInclude(body, { id, status: "pending", success: null })
    }))

  it.effect("does not wait for 0 seconds, nor for an invalid preference", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      for (const prefer of ["wait=0", "wait=soon"]) {
        const { status, headers, body } = yield* running.call("/api/orders/", {
          body: wanted,
          headers: { prefer },
        })
        assert.strictEqual(status, 201)
        assert.isNull(headers.get("preference-applied"))
        assert.strictEqual(body.status, "pending")
      }
    }))

  it.effect("serves two waits for the same order, and for different ones", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      const key = { headers: { "idempotency-key": "one" } }
      const one = yield* placeAndWait(running, key)
      const again = yield* Effect.forkChild(
        running.call("/api/orders/", {
          body: wanted,
          headers: { prefer: "wait=10", "idempotency-key": "one" },
        }),
      )
      const two = yield* placeAndWait(running)
      yield* running.decide({ orderId: one.id, decision: "complete" })
      const answers = [yield* one.answer, yield* Fiber.join(again)]
      assert.deepStrictEqual(answers.map(({ body }) => [body.id, body.status]), [
        [one.id, "completed"],
        [one.id, "completed"],
      ])
      assert.isTrue(two.pending())
      yield* running.decide({ orderId: two.id, decision: "complete" })
      assert.strictEqual((yield* two.answer).body.status, "completed")
    }))

  it.effect("learns of the end even when the connection that listens is cut", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      const { id, answer, pending } = yield* placeAndWait(running)
      // Without the register, nothing announces the end: only the look-up after the cut finds it.
      yield* Effect.promise(() =>
        running.sql`
        update orders set status = 'completed', decided_at = now(), publish_at = null where id = ${id}`
      )
      assert.isTrue(pending())
      yield* cutListener(running)
      assert.strictEqual((yield* answer).body.status, "completed")
      // The service listens again.
      const next = yield* placeAndWait(running)
      yield* running.decide({ orderId: next.id, decision: "complete" })
      assert.strictEqual((yield* next.answer).body.status, "completed")
    }))

  const whileDatabaseIsAway = (
    goOn: (line: Line, decide: Effect.Effect<unknown>) => Effect.Effect<unknown>,
  ) =>
    Effect.gen(function* () {
      const unharmed = yield* startOrders()
      const line = yield* openLine(unharmed.environment.DATABASE_URL!)
      const running = yield* unharmed.replica({ DATABASE_URL: line.url })
      const { id, answer, pending } = yield* placeAndWait(running)
      const published = Effect.map(running.published, ({ length }) => length === 1)
      yield* until("the order is published", published)
      line.become = "hanging up"
      line.reset()
      yield* goOn(line, unharmed.decide({ orderId: id, decision: "complete" }))
      yield* timePassesWhile(pending)
      const { status, headers, body } = yield* answer
      assert.strictEqual(status, 201)
      assert.strictEqual(headers.get("preference-applied"), "wait=10")
      return body.status
    })

  it.effect("answers with the order as it was stored when the database stays unavailable", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* whileDatabaseIsAway((_, decide) => decide), "pending")
    }))

  it.effect("answers with the final order when the database was unavailable and is back", () =>
    Effect.gen(function* () {
      const bringBack = (line: Line) => Effect.sync(() => void (line.become = "open"))
      const status = yield* whileDatabaseIsAway((line, decide) =>
        Effect.andThen(decide, bringBack(line))
      )
      assert.strictEqual(status, "completed")
    }))
})

const cutListener = ({ sql }: RunningOrders) =>
  Effect.promise(async () => {
    const { count } = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'listen%'`
    assert.strictEqual(count, 1)
  })

describe("Changes", () => {
  /** Changes over a database that sends only the notifications of the test. */
  const changesOfTest = Effect.gen(function* () {
    let notify: (payload: string | null) => void = () => {}
    const database = Database.of({
      listen: (_, notified) => Effect.sync(() => void (notify = notified)),
      query: () => Effect.never,
      transaction: () => Effect.never,
      migrate: () => Effect.never,
      ping: Effect.void,
    })
    const context = yield* Layer.build(
      Changes.layer.pipe(Layer.provide(Layer.succeed(Database, database))),
    )
    const changes = Context.get(context, Changes)
    return { changes, notify: (payload: string | null) => notify(payload) }
  })

  const begin = (changed: Effect.Effect<unknown>) =>
    Effect.map(Effect.forkChild(changed, { startImmediately: true }), (fiber) => ({
      fiber,
      isWaiting: () => fiber.pollUnsafe() === undefined,
    }))

  it.effect("wakes watchers after five seconds without a notification", () =>
    Effect.gen(function* () {
      const { changes } = yield* changesOfTest
      const { fiber, isWaiting } = yield* begin(yield* changes.watch("one"))
      yield* TestClock.adjust("4999 millis")
      assert.isTrue(isWaiting())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped))

  it.effect("tells the watchers of the orders in a notification, and no others", () =>
    Effect.gen(function* () {
      const { changes, notify } = yield* changesOfTest
      const [one, alsoOne, two, three] = yield* Effect.forEach(
        ["one", "one", "two", "three"],
        (id) => Effect.flatMap(changes.watch(id), begin),
      )
      notify("zero,one,two")
      yield* Effect.forEach([one!, alsoOne!, two!], ({ fiber }) => Fiber.join(fiber))
      assert.isTrue(three!.isWaiting())
      notify(null)
      yield* Fiber.join(three!.fiber)
    }).pipe(Effect.scoped))

  it.effect("gives an order that it was told, and no order after a notification", () =>
    Effect.gen(function* () {
      const { changes, notify } = yield* changesOfTest
      const id = OrderId.make(crypto.randomUUID())
      const changed = yield* changes.watch(id)
      yield* changes.tell([anOrder({ id })], [])
      assert.strictEqual((yield* changed)?.id, id)
      notify(id)
      assert.isUndefined(yield* changed)
      // The later change wins.
      yield* changes.tell([anOrder({ id })], [])
      notify(id)
      assert.isUndefined(yield* changed)
    }).pipe(Effect.scoped))

  it.effect("keeps a change between two waits, and wakes once for many", () =>
    Effect.gen(function* () {
      const { changes, notify } = yield* changesOfTest
      const changed = yield* changes.watch("one")
      notify("one")
      notify("one")
      yield* changed
      const { fiber, isWaiting } = yield* begin(changed)
      assert.isTrue(isWaiting())
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.scoped))

  it.effect("forgets watchers whose scope has closed", () =>
    Effect.gen(function* () {
      const { changes, notify } = yield* changesOfTest
      const scope = yield* Scope.make()
      const gone = yield* Scope.provide(changes.watch("one"), scope)
      const stays = yield* changes.watch("one")
      yield* Scope.close(scope, Exit.void)
      notify("one")
      yield* stays
      const { isWaiting, fiber } = yield* begin(gone)
      assert.isTrue(isWaiting())
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.scoped))
})
