/**
 * A participant's books, in a real database: pages of records, and whether each resource still adds
 * up to its initial amount.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { Database } from "#shared/postgres/database.ts"
import { Books, booksLayer } from "#shared/reservations/books.ts"
import { cancel, order, type Participant, reserve, startParticipant } from "./participant.ts"

const openBooks = ({ database }: Participant) =>
  Effect.map(
    Layer.build(Layer.provide(
      booksLayer({ table: "items", key: "id", balance: "stock" }),
      Layer.succeed(Database, database),
    )),
    (context) => Context.get(context, Books),
  )

const start = Effect.fnUntraced(function* (poolSize?: number) {
  const participant = yield* startParticipant(poolSize)
  return { ...participant, ...(yield* openBooks(participant)) }
})

describe("a page of the books", () => {
  it.live("has the records between two orders, without these two, newest order first", () =>
    Effect.gen(function* () {
      const { apply, page, stock } = yield* start()
      yield* stock({ a: 5 })
      const startedAt = Date.now()
      yield* apply([reserve(2, "a", 3), reserve(1, "a", 9), cancel(3, "b"), reserve(4, "a")])
      yield* apply([cancel(2, "a", 3)])
      const all = yield* page({})
      assert.deepStrictEqual(all.map(({ recordedAt: _, ...record }) => record), [
        { orderId: order(4), outcome: "reserved", resource: "a", quantity: 1 },
        { orderId: order(3), outcome: "cancelled", resource: "b", quantity: 1 },
        { orderId: order(2), outcome: "cancelled", resource: "a", quantity: 3 },
        { orderId: order(1), outcome: "rejected", resource: "a", quantity: 9 },
      ])
      for (const { recordedAt } of all) {
        assert.isBelow(Math.abs(Date.parse(recordedAt) - startedAt), 60_000)
      }
      const numbers = (query: Parameters<typeof page>[0]) =>
        Effect.map(
          page(query),
          (records) => records.map(({ orderId }) => Number(`0x${orderId.slice(-2)}`)),
        )
      assert.deepStrictEqual(yield* numbers({ before: order(4) }), [3, 2, 1])
      assert.deepStrictEqual(yield* numbers({ after: order(1) }), [4, 3, 2])
      assert.deepStrictEqual(yield* numbers({ before: order(4), after: order(1) }), [3, 2])
      assert.deepStrictEqual(yield* numbers({ before: order(4), limit: 2 }), [3, 2])
      assert.deepStrictEqual(yield* numbers({ before: order(2), after: order(2) }), [])
    }))

  it.live("is read by the index, wherever it is among very many records", () =>
    Effect.gen(function* () {
      const { database, page, sql } = yield* start(1)
      const read = Effect.gen(function* () {
        // The connection reports its counts only now and then, unless told to with the next
        // statement.
        yield* database.query((sql) => sql`select pg_stat_force_next_flush()`)
        const [counted] = yield* Effect.promise(() =>
          sql`select sum(seq_tup_read)::int as whole,
                (select sum(idx_tup_read)::int from pg_stat_user_indexes) as indexed
              from pg_stat_user_tables where relname = 'reservations'`
        )
        return { whole: Number(counted!["whole"]), indexed: Number(counted!["indexed"]) }
      })
      const around = { before: order(25_000), after: order(24_000) }
      const shapes = [{}, { before: order(40_000) }, { after: order(10) }, around, { limit: 1 }]
      // Often enough for PostgreSQL to keep its plans of the empty table for good.
      for (const shape of Array.from({ length: 12 }, () => shapes).flat()) yield* page(shape)
      yield* Effect.promise(() =>
        sql`insert into reservations (order_id, outcome, resource, quantity)
            select (${order(0).slice(0, 24)} || lpad(to_hex(n), 12, '0'))::uuid, 'reserved', '1', 1
            from generate_series(1, 50000) n`
      )
      const before = yield* read
      const counts = yield* Effect.forEach(shapes, page)
      const after = yield* read
      assert.deepStrictEqual(counts.map(({ length }) => length), [1000, 1000, 1000, 999, 1])
      assert.strictEqual(after.whole - before.whole, 0)
      assert.isAtMost(after.indexed - before.indexed, 4_100)
    }))
})

describe("the balance of the books", () => {
  it.live("is kept by every reservation, rejection and cancel", () =>
    Effect.gen(function* () {
      const { apply, balance, stock } = yield* start()
      yield* stock({ a: 5, b: 0 })
      yield* apply([reserve(1, "a", 3), reserve(2, "a", 3), reserve(3, "b"), reserve(4, "a")])
      yield* apply([cancel(4, "a"), cancel(5, "a"), reserve(6, "none")])
      assert.deepStrictEqual(yield* balance, { resources: 2, imbalanced: [] })
    }))

  it.live("is that of one instant, whatever is reserved and given back meanwhile", () =>
    Effect.gen(function* () {
      const { apply, balance, stock } = yield* start()
      yield* stock({ a: 1_000, b: 1_000 })
      const busy = yield* Effect.forkChild(Effect.forEach(
        Array(60).keys(),
        (n) =>
          Effect.andThen(
            apply([reserve(n, "a", 2), reserve(100 + n, "b")]),
            apply([cancel(n, "a", 2), cancel(200 + n, "b")]),
          ),
        { concurrency: 4 },
      ))
      let looks = 0
      while (busy.pollUnsafe() === undefined) {
        assert.deepStrictEqual(yield* balance, { resources: 2, imbalanced: [] })
        looks++
      }
      yield* Fiber.join(busy)
      assert.isAbove(looks, 3)
    }))

  it.live("names changes that bypassed the books, and holds on a missing resource", () =>
    Effect.gen(function* () {
      const { apply, balance, sql, stock } = yield* start()
      yield* stock({ a: 5, b: 6, c: 7, d: 8 })
      yield* apply([reserve(1, "a", 2), reserve(2, "b"), reserve(3, "d", 3)])
      yield* Effect.promise(() => sql`update items set stock = stock + 1 where id = 'a'`)
      yield* Effect.promise(() => sql`update items set consumed = 2 where id = 'c'`)
      yield* Effect.promise(() => sql`delete from items where id = 'd'`)
      assert.deepStrictEqual(yield* balance, {
        resources: 3,
        imbalanced: [
          { resource: "a", opening: 5, adjusted: 0, balance: 4, held: 2, consumed: 0 },
          { resource: "c", opening: 7, adjusted: 0, balance: 7, held: 0, consumed: 2 },
          { resource: "d", opening: 0, adjusted: 0, balance: 0, held: 3, consumed: 0 },
        ],
      })
      const many = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`${1_000 + n}`, 1]))
      yield* stock(many)
      yield* Effect.promise(() => sql`update items set stock = 2`)
      const { imbalanced, resources } = yield* balance
      assert.deepStrictEqual([resources, imbalanced.length], [150, 100])
      assert.deepStrictEqual(imbalanced[0]?.resource, "1000")
    }))

  it.live("exists for a participant without any resources", () =>
    Effect.gen(function* () {
      const { balance } = yield* start()
      assert.deepStrictEqual(yield* balance, { resources: 0, imbalanced: [] })
    }))
})
