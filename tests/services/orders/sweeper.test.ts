/**
 * The sweeper over a real database, with a queue in memory that the test controls. Times are those
 * of the test's clock.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, References } from "effect"
import { TestClock } from "effect/testing"
import { join } from "node:path"
import type { Sql } from "postgres"
import { OrderStore } from "#services/orders/order-table.ts"
import { orderStoreLayer } from "#services/orders/orders-sql.ts"
import { Register } from "#services/orders/register.ts"
import { sweep, sweeperLayer } from "#services/orders/sweeper.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { Failpoint, type FailpointName } from "#shared/failpoint.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { makeMemoryStream } from "#shared/queue/memory-stream.ts"
import { memoryOrderQueue } from "#shared/queue/memory.ts"
import { OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { noChanges } from "#tests/instruments/simulation/no-changes.ts"
import { clientOf, databaseOf } from "./running-orders.ts"
import { until } from "./until.ts"

const options = { republishAfterMs: 15_000 }

/** A database with orders, and sweepers over it. */
const world = Effect.gen(function* () {
  const url = yield* databaseOf("sweeper")
  const replica = Effect.map(
    Layer.build(orderStoreLayer.pipe(Layer.provide(databaseLayer({
      service: "orders",
      url: new URL(url),
      poolSize: 2,
      migrations: join(import.meta.dirname, "../../../services/orders/migrations"),
    })))),
    (context) => Context.get(context, OrderStore),
  )
  const store = yield* replica
  const sql = yield* clientOf(url)
  const queue = yield* memoryOrderQueue(makeMemoryStream(10_000))
  const published: Array<OrderMessage> = []
  const record = (messages: ReadonlyArray<OrderMessage>) =>
    Effect.sync(() => void published.push(...messages))
  const given = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    { publish = record, ping = Effect.void, volatile = false, over = store }: Conduct = {},
  ) =>
    effect.pipe(
      Effect.provideService(OrderStore, over),
      Effect.provideService(OrderQueue, { ...queue, publish, ping, volatile }),
      Effect.provideService(References.MinimumLogLevel, "None"),
    )
  return {
    sql,
    replica,
    register: yield* Register.pipe(
      Effect.provide(Register.layer.pipe(Layer.provide(noChanges))),
      Effect.provideService(OrderStore, store),
    ),
    record,
    published,
    ids: () => published.map(({ orderId }) => orderId),
    /** One round of a sweeper. */
    sweep: (conduct?: Conduct) => given(sweep(options), conduct),
    /** A sweeper that runs until the scope closes. */
    start: (conduct?: Conduct) => given(Layer.build(sweeperLayer(options)), conduct),
  }
})

interface Conduct {
  readonly publish?: OrderQueue["Service"]["publish"]
  readonly ping?: OrderQueue["Service"]["ping"]
  readonly volatile?: boolean
  readonly over?: OrderStore["Service"]
}

/** Pending orders that are due `inMs` from now, by the test's clock. */
const insert = (sql: Sql, count: number, inMs = 0) =>
  Effect.gen(function* () {
    const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
    const ids = Array.from({ length: count }, () => OrderId.make(crypto.randomUUID()))
    yield* Effect.promise(() =>
      sql`
      insert into orders
        (id, username, amount, details, steps, created_at, publish_at, traceparent)
      select id, 'ann', 1999, '{"item":1,"slot":"09:00"}', '["money","item","slot"]',
        ${new Date(now)}, ${new Date(now + inMs)}, '00-1-2-01'
      from unnest(${ids}::uuid[]) id`
    )
    return ids
  })

const dueIn = (sql: Sql, id: string) =>
  Effect.gen(function* () {
    const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
    const [row] = yield* Effect.promise(() =>
      sql<[{ publish_at: Date; republished: number }]>`
        select publish_at, republished from orders where id = ${id}`
    )
    return { inMs: row.publish_at.getTime() - now, republished: row.republished }
  })

const unavailable = Effect.fail(new QueueUnavailable({ message: "the queue is away" }))

describe("sweep", () => {
  it.effect("publishes what is due, and nothing else", () =>
    Effect.gen(function* () {
      const { sql, sweep, published } = yield* world
      const [due] = yield* insert(sql, 1)
      yield* insert(sql, 1, 1)
      assert.strictEqual(yield* sweep(), 1)
      assert.deepStrictEqual(published, [{
        orderId: due!,
        username: "ann",
        amountMinor: 1999,
        details: { item: 1, slot: "09:00" },
        steps: ["money", "item", "slot"],
        createdAtMs: 0,
        republished: 1,
        traceparent: "00-1-2-01",
      }])
      assert.strictEqual(yield* sweep(), 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* sweep(), 1)
      assert.strictEqual(published.length, 2)
    }))

  it.effect("publishes an order repeatedly, the wait doubled each time, to ten minutes", () =>
    Effect.gen(function* () {
      const { sql, sweep, published } = yield* world
      const [id] = yield* insert(sql, 1)
      const waits: Array<number> = []
      for (let times = 1; times <= 8; times++) {
        assert.strictEqual(yield* sweep(), 1)
        const { inMs, republished } = yield* dueIn(sql, id!)
        assert.strictEqual(republished, times)
        assert.strictEqual(published.at(-1)!.republished, times)
        yield* TestClock.adjust(inMs - 1)
        assert.strictEqual(yield* sweep(), 0)
        yield* TestClock.adjust(1)
        waits.push(inMs / 1000)
      }
      assert.deepStrictEqual(waits, [15, 30, 60, 120, 240, 480, 600, 600])
    }))

  it.effect("publishes an order again even after a week, or at the counter's maximum", () =>
    Effect.gen(function* () {
      const { sql, sweep, published } = yield* world
      const times = [29, 30, 31, 32, 62, 64, 1_010, 2 ** 31 - 2, 2 ** 31 - 1]
      const ids = yield* insert(sql, times.length)
      yield* Effect.promise(() =>
        sql`
        update orders set republished = given.times
        from unnest(${ids}::uuid[], ${times}::int[]) as given (id, times) where orders.id = given.id`
      )
      assert.strictEqual(yield* sweep(), times.length)
      const counts = times.map((n) => Math.min(n + 1, 2 ** 31 - 1))
      for (const [n, id] of ids.entries()) {
        assert.deepStrictEqual(yield* dueIn(sql, id), { inMs: 600_000, republished: counts[n]! })
      }
      assert.sameMembers(published.map(({ republished }) => republished), counts)
    }))

  it.effect("publishes the details as they were stored, including unknown fields", () =>
    Effect.gen(function* () {
      const { sql, sweep, published } = yield* world
      yield* insert(sql, 1)
      // As a newer replica would have it.
      yield* Effect.promise(() =>
        sql`update orders set details = details || '{"gift": {"wrap": true}}', steps = steps || '"gift"'`
      )
      yield* sweep()
      assert.deepStrictEqual(published[0]!.details, {
        ...{ item: 1, slot: "09:00" },
        ...{ gift: { wrap: true } },
      })
      assert.deepStrictEqual<ReadonlyArray<string>>(published[0]!.steps, [
        "money",
        "item",
        "slot",
        "gift",
      ])
    }))

  it.effect("skips final orders, but not those being compensated", () =>
    Effect.gen(function* () {
      const { sql, sweep, ids, register } = yield* world
      const [completed, failed, compensating] = yield* insert(sql, 3)
      const reason = "Not enough money"
      yield* register.decide([
        { orderId: completed!, decision: "complete", timeline: [] },
        { orderId: failed!, decision: "abort", reason, timeline: [] },
        { orderId: failed!, decision: "settle", timeline: [] },
        { orderId: compensating!, decision: "abort", reason, timeline: [] },
      ])
      yield* sweep()
      assert.deepStrictEqual(ids(), [compensating])
    }))

  it.effect("skips what another replica takes at that time, so each is published once", () =>
    Effect.gen(function* () {
      const { sql, sweep, ids, record, replica } = yield* world
      const all = yield* insert(sql, 700)
      const inHand = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(sweep({
        publish: (messages) =>
          Deferred.succeed(inHand, undefined).pipe(
            Effect.andThen(Deferred.await(goOn)),
            Effect.andThen(record(messages)),
          ),
      }))
      yield* Deferred.await(inHand)
      assert.strictEqual(yield* sweep({ over: yield* replica }), 200)
      assert.strictEqual(yield* sweep({ over: yield* replica }), 0)
      yield* Deferred.succeed(goOn, undefined)
      assert.strictEqual(yield* Fiber.join(first), 500)
      assert.deepStrictEqual(ids().toSorted(), all.toSorted())
    }))

  it.effect("takes an order that is due an hour later than possible: the clock was set back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const { sql, sweep, ids } = yield* world
      const [late, soon] = yield* insert(sql, 2)
      const dueIn = (id: string, ms: number) =>
        Effect.promise(() =>
          sql`update orders set publish_at = ${new Date(1_800_000_000_000 + ms)} where id = ${id}`
        )
      yield* dueIn(late!, 3_600_000)
      yield* dueIn(soon!, 9 * 60_000)
      assert.strictEqual(yield* sweep(), 1)
      assert.deepStrictEqual(ids(), [late])
      // Only once: its next wait is the usual one.
      assert.strictEqual(yield* sweep(), 0)
    }))

  it.effect("skips rows that a transaction has locked, without waiting", () =>
    Effect.gen(function* () {
      const { sql, sweep, ids } = yield* world
      const [locked, free] = yield* insert(sql, 2)
      const context = yield* Effect.context<never>()
      yield* Effect.promise(() =>
        sql.begin(async (transaction) => {
          await transaction`select from orders where id = ${locked!} for update`
          assert.strictEqual(await Effect.runPromiseWith(context)(sweep()), 1)
        })
      )
      assert.deepStrictEqual(ids(), [free])
      assert.strictEqual(yield* sweep(), 1)
      assert.deepStrictEqual(ids(), [free, locked])
    }))

  it.effect("locks nothing while it waits for the queue, so that orders can be decided", () =>
    Effect.gen(function* () {
      const { sql, sweep, register } = yield* world
      const [id] = yield* insert(sql, 1)
      const decided: Array<string> = []
      yield* sweep({
        publish: () =>
          Effect.map(
            Effect.orDie(register.decide([{ orderId: id!, decision: "complete", timeline: [] }])),
            (answers) => void decided.push(...answers.map(({ status }) => status)),
          ),
      })
      assert.deepStrictEqual(decided, ["completed"])
      assert.strictEqual(yield* sweep(), 0)
    }))

  it.effect("publishes an order that did not get on the queue after its next wait", () =>
    Effect.gen(function* () {
      const { sql, sweep, ids } = yield* world
      const [id] = yield* insert(sql, 1)
      const { message } = yield* Effect.flip(sweep({ publish: () => unavailable }))
      assert.strictEqual(message, "the queue is away")
      assert.deepStrictEqual(yield* dueIn(sql, id!), { inMs: 15_000, republished: 1 })
      assert.strictEqual(yield* sweep(), 0)
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* sweep(), 1)
      assert.deepStrictEqual(ids(), [id])
    }))

  it.effect("loses nothing when it dies with orders in hand: they wait once more", () =>
    Effect.gen(function* () {
      const { sql, sweep, published } = yield* world
      const [id] = yield* insert(sql, 1)
      const dies = (name: FailpointName) =>
        name === "orders.swept" ? Effect.die(new Error("killed")) : Effect.void
      const exit = yield* Effect.exit(Effect.provideService(sweep(), Failpoint, dies))
      assert.strictEqual(exit._tag, "Failure")
      assert.deepStrictEqual(published, [])
      assert.deepStrictEqual(yield* dueIn(sql, id!), { inMs: 15_000, republished: 1 })
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* sweep(), 1)
      assert.deepStrictEqual(published.map(({ orderId, republished }) => [orderId, republished]), [
        [id, 2],
      ])
    }))
})

describe("sweeperLayer", () => {
  it.effect("sweeps at the start and every second afterwards, batch by batch", () =>
    Effect.gen(function* () {
      const { sql, start, published } = yield* world
      yield* insert(sql, 1100)
      yield* start()
      yield* until("all are published at the start", () => published.length === 1100)
      yield* insert(sql, 1)
      yield* oneRound
      yield* until("the next one is too", () => published.length === 1101)
    }))

  it.effect("goes on after the queue fails and after a defect", () =>
    Effect.gen(function* () {
      const { sql, start, record, published } = yield* world
      yield* insert(sql, 1)
      const mishaps: Array<Effect.Effect<never, QueueUnavailable>> = [
        Effect.die(new Error("a defect")),
        unavailable,
      ]
      let rounds = 0
      yield* start({
        publish: (messages) => {
          rounds++
          return mishaps.pop() ?? record(messages)
        },
      })
      for (let round = 1; round <= 3; round++) {
        yield* until(`round ${round}`, () => rounds === round)
        // Another order that is due: the first one waits for its next time.
        if (round < 3) yield* insert(sql, 1)
        if (round < 3) yield* oneRound
      }
      yield* until("the last one is published", () => published.length === 1)
    }))

  it.effect("takes no order while the queue is unavailable, and all due ones when it is back", () =>
    Effect.gen(function* () {
      const { sql, start, record, ids } = yield* world
      const [first] = yield* insert(sql, 1)
      let isAway = true
      let attempts = 0
      let pings = 0
      yield* start({
        publish: (messages) => {
          attempts++
          return isAway ? unavailable : record(messages)
        },
        ping: Effect.suspend(() => {
          pings++
          return isAway ? unavailable : Effect.void
        }),
      })
      yield* until("it has found out", () => pings === 1)
      const later = yield* insert(sql, 2)
      for (let round = 2; round < 5; round++) {
        yield* oneRound
        yield* until(`ping ${round}`, () => pings === round)
      }
      assert.strictEqual(attempts, 1)
      isAway = false
      yield* oneRound
      yield* until("the queue is back", () => pings === 5)
      yield* oneRound
      yield* until("what is due is published", () => ids().length > 0)
      assert.sameMembers(ids(), later)
      assert.strictEqual((yield* dueIn(sql, first!)).republished, 1)
    }))

  it.effect("publishes all unfinished orders at the start when the queue is volatile", () =>
    Effect.gen(function* () {
      const { sql, start, ids } = yield* world
      const all = yield* insert(sql, 3, 600_000)
      yield* start({ volatile: true })
      yield* until("all are published", () => ids().length === 3)
      assert.deepStrictEqual(ids().toSorted(), all.toSorted())
    }))

  it.effect("waits until orders are due when the queue is durable", () =>
    Effect.gen(function* () {
      const { sql, start, ids } = yield* world
      yield* insert(sql, 3, 600_000)
      const [due] = yield* insert(sql, 1)
      yield* start()
      yield* until("what is due is published", () => ids().length > 0)
      assert.deepStrictEqual(ids(), [due])
    }))
})

/** Lets the sweeper's second pass, once it waits for that. */
const oneRound = Effect.gen(function* () {
  yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
  yield* TestClock.adjust("1 second")
})
