/** Changes while a query is in flight: the test holds the query, and releases it later. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { join } from "node:path"
import { Admission, admissionLayer } from "#services/orders/admission.ts"
import { Intake, intakeLayer } from "#services/orders/intake.ts"
import { LookUps } from "#services/orders/look-ups.ts"
import { OrderStore, type OrderTable } from "#services/orders/order-table.ts"
import { orderStoreLayer } from "#services/orders/orders-sql.ts"
import { Publisher } from "#services/orders/publisher.ts"
import { Waits } from "#services/orders/wait.ts"
import { Database } from "#shared/postgres/database.ts"
import { pooledRandomLayer } from "#shared/security/pooled-random.ts"
import { newDatabase, onlooker, openDatabase } from "#tests/shared/postgres/open-database.ts"
import { noChanges } from "#tests/instruments/simulation/no-changes.ts"
import { until } from "./until.ts"

type Held = "countUnfinished" | "findByKeys" | "insert"

/**
 * Holds all queries of one name, before they reach the database or before their answer is given,
 * until the test releases them.
 */
interface Hold {
  /** How many queries are held. */
  readonly inFlight: () => number
  readonly release: Effect.Effect<void>
}

const limit = 3

const world = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  const migrations = join(import.meta.dirname, "../../../services/orders/migrations")
  const database = yield* openDatabase(url, { migrations, poolSize: 5 })
  const real = Context.get(
    yield* Layer.build(
      orderStoreLayer.pipe(Layer.provide(Layer.succeed(Database, database))),
    ),
    OrderStore,
  )
  const holds = new Map<
    Held,
    { when: "before" | "after"; gate: Deferred.Deferred<void>; inFlight: number }
  >()
  const held = (orders: OrderTable): OrderTable => {
    const through = <A>(name: Held, query: Effect.Effect<A>): Effect.Effect<A> => {
      const hold = holds.get(name)
      if (hold === undefined) return query
      const held = Effect.suspend(() => {
        hold.inFlight++
        return Deferred.await(hold.gate)
      })
      return hold.when === "before" ? Effect.andThen(held, query) : Effect.tap(query, () => held)
    }
    return {
      ...orders,
      countUnfinished: (limit) => through("countUnfinished", orders.countUnfinished(limit)),
      findByKeys: (keys) => through("findByKeys", orders.findByKeys(keys)),
      insert: (insertions) => through("insert", orders.insert(insertions)),
    }
  }
  const store = OrderStore.of({
    ...real,
    query: (run) => real.query((orders) => run(held(orders))),
  })
  const context = yield* Layer.build(
    intakeLayer({ republishAfterMs: 15_000 }).pipe(
      Layer.provideMerge(admissionLayer({ most: limit, mostOfUser: 100, perSecond: 100 })),
      Layer.provide(Waits.layer),
      Layer.provideMerge(LookUps.layer),
      Layer.provide([
        noChanges,
        Layer.succeed(OrderStore, store),
        Layer.succeed(Publisher, Publisher.of({ publish: () => Effect.void })),
        pooledRandomLayer,
      ]),
    ),
  )
  const hold = (name: Held, when: "before" | "after"): Effect.Effect<Hold, never, Scope.Scope> =>
    Effect.gen(function* () {
      const state = { when, gate: yield* Deferred.make<void>(), inFlight: 0 }
      holds.set(name, state)
      const release = Effect.suspend(() => {
        holds.delete(name)
        return Deferred.succeed(state.gate, undefined)
      })
      // Released when a test fails too: the database closes only after its last query.
      yield* Effect.addFinalizer(() => release)
      return { inFlight: () => state.inFlight, release: Effect.asVoid(release) }
    })
  const intake = Context.get(context, Intake)
  const { permit: permitOf } = Context.get(context, Admission)
  const place = (idempotencyKey?: string, amountMinor = 1999) =>
    Effect.suspend(() => {
      const permit = permitOf("ann", idempotencyKey)
      const details = { item: 1, slot: "09:00" }
      const placing = intake.place({
        username: "ann",
        amountMinor,
        idempotencyKey,
        details,
        permit,
      })
      return Effect.ensuring(Effect.andThen(permit.enter, placing), Effect.sync(permit.leave))
    })
  return {
    sql,
    hold,
    place,
    /** The code of the problem of an order that waits and is refused. */
    refused: Effect.gen(function* () {
      const waiting = yield* Effect.forkChild(Effect.flip(place()), { startImmediately: true })
      const isRefused = Effect.map(
        TestClock.adjust("100 millis"),
        () => waiting.pollUnsafe() !== undefined,
      )
      yield* until("the order is refused", isRefused)
      const problem = yield* Fiber.join(waiting)
      return problem._tag === "Problem" ? problem.code : problem._tag
    }),
  }
})

const nextCount = TestClock.adjust("1 second")

describe("the count of the backlog", () => {
  it.effect.each(["before", "after"] as const)(
    "misses no order that is stored while it is in flight, held %s it reached the database",
    (when) =>
      Effect.gen(function* () {
        const { hold, place, refused } = yield* world
        const { inFlight, release } = yield* hold("countUnfinished", when)
        yield* nextCount
        yield* until("the count is in flight", () => inFlight() === 1)
        for (let n = 0; n < limit; n++) yield* place()
        assert.strictEqual(yield* refused, "overloaded")
        yield* release
        // The limit is reached, whatever the count found.
        for (let again = 0; again < 3; again++) {
          assert.strictEqual(yield* refused, "overloaded")
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
      }),
  )

  it.effect("makes room for orders that ended, even when requests come while it is in flight", () =>
    Effect.gen(function* () {
      const { sql, hold, place, refused } = yield* world
      yield* Effect.replicateEffect(place(), limit)
      yield* Effect.promise(() =>
        sql`update orders set status = 'completed', publish_at = null, decided_at = now()`
      )
      const { inFlight, release } = yield* hold("countUnfinished", "after")
      yield* nextCount
      yield* until("the count is in flight", () => inFlight() === 1)
      assert.strictEqual(yield* refused, "overloaded")
      const waiting = yield* Effect.forkChild(place(), { startImmediately: true })
      yield* release
      assert.isFalse((yield* Fiber.join(waiting)).replayed)
    }))
})

describe("the replay of an order", () => {
  it.effect("stores a new order when the key is forgotten during the look-up", () =>
    Effect.gen(function* () {
      const { sql, hold, place } = yield* world
      const first = yield* place("one")
      const { inFlight, release } = yield* hold("findByKeys", "before")
      const again = yield* Effect.forkChild(place("one", 7))
      yield* until("the key is looked up", () => inFlight() === 1)
      yield* Effect.promise(() => sql`update orders set idempotency_key = null`)
      yield* release
      const { order, replayed } = yield* Fiber.join(again)
      assert.isFalse(replayed)
      assert.notStrictEqual(order.id, first.order.id)
      assert.strictEqual((yield* place("one", 7)).order.id, order.id)
    }))

  it.effect("gives the order that was found, even if its key is forgotten before the answer", () =>
    Effect.gen(function* () {
      const { sql, hold, place } = yield* world
      const first = yield* place("one")
      const { inFlight, release } = yield* hold("findByKeys", "after")
      const [same, other] = [
        yield* Effect.forkChild(place("one")),
        yield* Effect.forkChild(Effect.flip(place("one", 7))),
      ]
      // One look-up finds both.
      yield* until("both are found", () => inFlight() === 1)
      yield* Effect.promise(() => sql`update orders set idempotency_key = null`)
      yield* release
      const { order, replayed } = yield* Fiber.join(same)
      assert.deepStrictEqual([order.id, replayed], [first.order.id, true])
      assert.deepInclude(yield* Fiber.join(other), { code: "idempotency_key_reused" })
    }))

  it.effect("waits for the order that is being stored, and holds up no other order", () =>
    Effect.gen(function* () {
      const { sql, hold, place } = yield* world
      const { inFlight, release } = yield* hold("insert", "before")
      const first = yield* Effect.forkChild(place("one"))
      yield* until("the first insert is in flight", () => inFlight() === 1)
      const rest = [yield* Effect.forkChild(place("one")), yield* Effect.forkChild(place("two"))]
      yield* release
      const [one, replay, two] = [
        yield* Fiber.join(first),
        ...yield* Effect.forEach(rest, Fiber.join),
      ]
      assert.deepStrictEqual([one, replay!, two!].map(({ replayed }) => replayed), [
        false,
        true,
        false,
      ])
      assert.strictEqual(replay!.order.id, one.order.id)
      const rows = yield* Effect.promise(() => sql`select id from orders`)
      assert.strictEqual(rows.count, 2)
    }))
})
