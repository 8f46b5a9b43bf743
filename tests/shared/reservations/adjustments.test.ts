/**
 * Adjustments in a real database: what they change, how often, what they refuse, and that the books
 * always balance.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { maxChange } from "#shared/contracts/stock.ts"
import { Database } from "#shared/postgres/database.ts"
import { Books, booksLayer } from "#shared/reservations/books.ts"
import { cancel, reserve, startParticipant } from "./participant.ts"

const start = Effect.gen(function* () {
  const participant = yield* startParticipant()
  const context = yield* Layer.build(Layer.provide(
    booksLayer({ table: "items", key: "id", balance: "stock" }),
    Layer.succeed(Database, participant.database),
  ))
  return { ...participant, balance: Context.get(context, Books).balance }
})

const wanted = (idempotencyKey: string, resource: string, change: number, operator = "ada") => ({
  operator,
  idempotencyKey,
  resource,
  change,
  reason: "a delivery came",
})

const fine = (resources: number) => ({ resources, imbalanced: [] })

describe("an adjustment", () => {
  it.live("changes what is left, and is on the ledger with who, why and when", () =>
    Effect.gen(function* () {
      const { adjust, balance, stock, stockBook, stocks } = yield* start
      yield* stock({ a: 5, b: 6 })
      const startedAt = Date.now()
      const more = yield* adjust(wanted("1", "a", 7))
      const less = yield* adjust(wanted("2", "a", -2, "bob"))
      assert.deepStrictEqual(yield* stocks, { a: 10, b: 6 })
      assert.deepStrictEqual(yield* balance, fine(2))
      assert.deepStrictEqual([more.replayed, more.adjustment.left], [false, 12])
      const { adjustments } = yield* stockBook.adjustments({})
      assert.deepStrictEqual(adjustments, [less.adjustment, more.adjustment])
      const { number, adjustedAt, ...rest } = less.adjustment
      assert.isAbove(number, more.adjustment.number)
      assert.isBelow(Math.abs(Date.parse(adjustedAt) - startedAt), 60_000)
      assert.deepStrictEqual(rest, {
        resource: "a",
        change: -2,
        left: 10,
        operator: "bob",
        reason: "a delivery came",
      })
    }))

  it.live("is made once, however often it is sent, in turn or at the same time", () =>
    Effect.gen(function* () {
      const { adjust, balance, stock, stocks } = yield* start
      yield* stock({ a: 5 })
      const first = yield* adjust(wanted("1", "a", 3))
      const second = yield* adjust(wanted("1", "a", 3))
      assert.deepStrictEqual(second, { adjustment: first.adjustment, replayed: true })
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => adjust(wanted("2", "a", 4))),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(new Set(answers.map(({ adjustment }) => adjustment.number)).size, 1)
      assert.strictEqual(answers.filter(({ replayed }) => !replayed).length, 1)
      assert.deepStrictEqual(yield* stocks, { a: 12 })
      assert.deepStrictEqual(yield* balance, fine(1))
    }))

  it.live("is refused with a key that was used for another one, also at the same time", () =>
    Effect.gen(function* () {
      const { adjust, balance, stock, stocks } = yield* start
      yield* stock({ a: 5, b: 5 })
      yield* adjust(wanted("1", "a", 3))
      const others = [
        wanted("1", "a", 4),
        wanted("1", "b", 3),
        wanted("1", "none", 3),
        { ...wanted("1", "a", 3), reason: "another" },
      ]
      for (const other of others) {
        const problem = yield* Effect.flip(adjust(other))
        assert.include(problem, { status: 422, code: "idempotency_key_reused" })
      }
      const both = yield* Effect.all(
        ["a", "b"].map((resource) => Effect.exit(adjust(wanted("2", resource, 1)))),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(both.filter(({ _tag }) => _tag === "Success").length, 1)
      const after = yield* stocks
      assert.strictEqual(after["a"]! + after["b"]!, 14)
      assert.deepStrictEqual(yield* balance, fine(2))
    }))

  it.live("of two operators may have the same key", () =>
    Effect.gen(function* () {
      const { adjust, stock, stocks } = yield* start
      yield* stock({ a: 5 })
      yield* adjust(wanted("1", "a", 1, "ada"))
      yield* adjust(wanted("1", "a", 2, "bob"))
      assert.deepStrictEqual(yield* stocks, { a: 8 })
    }))

  it.live("never takes what orders hold or what does not exist, and says how much there is", () =>
    Effect.gen(function* () {
      const { adjust, apply, balance, stock, stockBook, stocks } = yield* start
      yield* stock({ a: 5 })
      yield* apply([reserve(1, "a", 2)])
      const problem = yield* Effect.flip(adjust(wanted("1", "a", -4)))
      assert.include(problem, { status: 409, code: "below_zero" })
      assert.include(JSON.stringify(problem), "3 of a are left, and orders have taken 2")
      assert.deepStrictEqual(yield* stocks, { a: 3 })
      assert.deepStrictEqual(yield* stockBook.adjustments({}), { adjustments: [], next: null })
      // A refusal leaves nothing behind: the same may be sent again when there is enough.
      yield* apply([cancel(1, "a", 2)])
      assert.strictEqual((yield* adjust(wanted("1", "a", -4))).adjustment.left, 1)
      assert.deepStrictEqual(yield* balance, fine(1))
    }))

  it.live("never adds more than can be counted, including what orders hold", () =>
    Effect.gen(function* () {
      const { adjust, apply, stock, stocks } = yield* start
      const most = Number.MAX_SAFE_INTEGER
      yield* stock({ a: most - 10 })
      yield* apply([reserve(1, "a", 1_000)])
      const problem = yield* Effect.flip(adjust(wanted("1", "a", 11)))
      assert.include(problem, { status: 409, code: "too_much" })
      yield* adjust(wanted("1", "a", 10))
      yield* apply([cancel(1, "a", 1_000)])
      assert.deepStrictEqual(yield* stocks, { a: most })
    }))

  it.live("creates nothing: an unknown resource is not found", () =>
    Effect.gen(function* () {
      const { adjust, balance, stock } = yield* start
      yield* stock({ a: 5 })
      const problem = yield* Effect.flip(adjust(wanted("1", "b", 1)))
      assert.include(problem, { status: 404, code: "resource_not_found" })
      assert.deepStrictEqual(yield* balance, fine(1))
    }))

  it.live("is counted in every reading of the books while orders reserve and give back", () =>
    Effect.gen(function* () {
      const { adjust, apply, balance, stock, stocks } = yield* start
      yield* stock({ a: 100, b: 100 })
      const orders = Effect.forEach(
        Array(60).keys(),
        (n) =>
          Effect.andThen(
            apply([reserve(n, "a", 2), reserve(100 + n, "b")]),
            apply([cancel(n, "a", 2), cancel(200 + n, "b")]),
          ),
        { concurrency: 4 },
      )
      const operator = Effect.forEach(
        Array(60).keys(),
        (n) => adjust(wanted(`${n}`, n % 2 ? "a" : "b", n % 3 ? 5 : -4)),
        { concurrency: 3 },
      )
      const busy = yield* Effect.forkChild(
        Effect.all([orders, operator], { concurrency: "unbounded" }),
      )
      let looks = 0
      while (busy.pollUnsafe() === undefined) {
        assert.deepStrictEqual(yield* balance, fine(2))
        looks++
      }
      yield* Fiber.join(busy)
      assert.isAbove(looks, 3)
      const { a, b } = yield* stocks
      assert.deepStrictEqual([a, b], [100 + 20 * 5 - 10 * 4, 100 + 20 * 5 - 10 * 4 - 60])
    }))
})

describe("the books", () => {
  it.live("do not balance if a restock was counted twice, or not at all", () =>
    Effect.gen(function* () {
      const { adjust, balance, sql, stock } = yield* start
      yield* stock({ a: 5, b: 5 })
      yield* adjust(wanted("1", "a", maxChange))
      yield* Effect.promise(() => sql`update items set stock = stock + ${maxChange} where id = 'a'`)
      yield* adjust(wanted("2", "b", 3))
      yield* Effect.promise(() => sql`update items set stock = 5 where id = 'b'`)
      assert.deepStrictEqual(yield* balance, {
        resources: 2,
        imbalanced: [
          {
            resource: "a",
            opening: 5,
            adjusted: maxChange,
            balance: 5 + 2 * maxChange,
            held: 0,
            consumed: 0,
          },
          { resource: "b", opening: 5, adjusted: 3, balance: 5, held: 0, consumed: 0 },
        ],
      })
    }))

  it.live("name adjustments of a resource that is gone", () =>
    Effect.gen(function* () {
      const { adjust, balance, sql, stock } = yield* start
      yield* stock({ a: 5, b: 5 })
      yield* adjust(wanted("1", "a", 3))
      yield* Effect.promise(() => sql`delete from items where id = 'a'`)
      assert.deepStrictEqual(yield* balance, {
        resources: 1,
        imbalanced: [
          { resource: "a", opening: 0, adjusted: 3, balance: 0, held: 0, consumed: 0 },
        ],
      })
    }))
})
