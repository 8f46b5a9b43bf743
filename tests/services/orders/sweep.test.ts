/** One round of the sweeper: which orders it takes, and when they are due again. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Failpoint, type FailpointName } from "#shared/failpoint.ts"
import { dueIn, insert, unavailable, world } from "./sweeper-world.ts"

describe("sweep", () => {
  it.effect("publishes orders that are due, and no others", () =>
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

  it.effect("publishes an order repeatedly, and doubles the wait each time, up to ten minutes", () =>
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

  it.effect("skips orders that another replica takes at the same time, so each is published once", () =>
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

  it.effect("takes an order that is due later than possible, as after the clock is set back", () =>
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
      // Once: its next wait is the usual one.
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

  it.effect("publishes an order that the queue refused after its next wait", () =>
    Effect.gen(function* () {
      const { sql, sweep, ids } = yield* world
      const [id] = yield* insert(sql, 1)
      const { message } = yield* Effect.flip(sweep({ publish: () => unavailable }))
      assert.strictEqual(message, "the queue is unavailable")
      assert.deepStrictEqual(yield* dueIn(sql, id!), { inMs: 15_000, republished: 1 })
      assert.strictEqual(yield* sweep(), 0)
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* sweep(), 1)
      assert.deepStrictEqual(ids(), [id])
    }))

  it.effect("loses no order when it is killed with orders in hand: they are due again", () =>
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
