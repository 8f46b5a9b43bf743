/** What operators see of a participant's resources, in a real database. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { StockQuery } from "#shared/contracts/stock.ts"
import { cancel, order, reserve, startParticipant } from "./participant.ts"

const start = Effect.gen(function* () {
  const participant = yield* startParticipant()
  const names = (query: StockQuery) =>
    Effect.map(
      participant.stockBook.page(query),
      ({ stock, next }) => [...stock.map(({ resource }) => resource), next],
    )
  return { ...participant, names }
})

describe("the stock", () => {
  it.live("shows what is left and what orders have taken, also forgotten ones", () =>
    Effect.gen(function* () {
      const { adjust, apply, sql, stock, stockBook } = yield* start
      yield* stock({ a: 9, b: 4, c: 0 })
      yield* apply([reserve(1, "a", 3), reserve(2, "a"), reserve(3, "b", 9), reserve(4, "b")])
      yield* apply([cancel(4, "b")])
      yield* adjust({
        operator: "ada",
        idempotencyKey: "1",
        resource: "a",
        change: 10,
        reason: "r",
      })
      yield* Effect.promise(async () => {
        await sql`update items set name = 'Apple' where id = 'a'`
        await sql`delete from reservations where order_id = ${order(2)}`
        await sql`update items set consumed = 1 where id = 'a'`
      })
      assert.deepStrictEqual(yield* stockBook.page({}), {
        stock: [
          { resource: "a", title: "Apple", left: 15, taken: 4 },
          { resource: "b", title: "", left: 4, taken: 0 },
          { resource: "c", title: "", left: 0, taken: 0 },
        ],
        next: null,
      })
    }))

  it.live("comes in pages, each resource once, in the order of bytes, whatever is in a name", () =>
    Effect.gen(function* () {
      const { names, stock } = yield* start
      const all = ["B", "a", "a%", "a'b", "a_b", "a\u{10FFFF}b", "aa", "b", "ä", "\u{1F4E6}"]
      yield* stock(Object.fromEntries(all.map((name) => [name, 1])))
      const bytes = (name: string) => Buffer.from(name)
      const sorted = all.toSorted((one, other) => bytes(one).compare(bytes(other)))
      for (const limit of [1, 3, 9, 10, 11]) {
        const seen: Array<string> = []
        let after: string | undefined
        do {
          const page: ReadonlyArray<string | null> = yield* names({
            limit,
            ...(after !== undefined && { after }),
          })
          seen.push(...page.slice(0, -1) as Array<string>)
          after = page.at(-1) ?? undefined
        } while (after !== undefined)
        assert.deepStrictEqual(seen, sorted)
      }
      const beginning = (prefix: string) => sorted.filter((name) => name.startsWith(prefix))
      for (const prefix of ["a", "a_", "a%", "a\u{10FFFF}", "A", "aa", "ä", "B"]) {
        assert.deepStrictEqual(yield* names({ prefix }), [...beginning(prefix), null])
      }
      assert.deepStrictEqual(yield* names({ prefix: "a", after: "a'b", limit: 1 }), ["a_b", "a_b"])
      assert.deepStrictEqual(yield* names({ prefix: "b", after: "a" }), ["b", null])
    }))

  it.live("has the records of the given orders that have one", () =>
    Effect.gen(function* () {
      const { apply, stock, stockBook } = yield* start
      yield* stock({ a: 9 })
      yield* apply([reserve(1, "a", 3), reserve(2, "a", 99), cancel(3, "a"), reserve(4, "a")])
      const records = yield* stockBook.records([1, 2, 3, 5].map(order))
      assert.deepStrictEqual(records.map(({ orderId, outcome }) => [orderId, outcome]), [
        [order(3), "cancelled"],
        [order(2), "rejected"],
        [order(1), "reserved"],
      ])
    }))

  it.live("has a ledger in pages, newest first, of all resources or of one", () =>
    Effect.gen(function* () {
      const { adjust, stock, stockBook } = yield* start
      yield* stock({ a: 9, b: 9 })
      for (let n = 0; n < 6; n++) {
        const resource = n % 2 ? "a" : "b"
        yield* adjust({
          operator: "ada",
          idempotencyKey: `${n}`,
          resource,
          change: n + 1,
          reason: "r",
        })
      }
      const pages = Effect.fnUntraced(function* (query: { readonly resource?: string }) {
        const seen: Array<number> = []
        let after: number | undefined
        do {
          const page = yield* stockBook.adjustments({
            ...query,
            limit: 2,
            ...(after !== undefined && { after }),
          })
          seen.push(...page.adjustments.map(({ change }) => change))
          after = page.next ?? undefined
        } while (after !== undefined)
        return seen
      })
      assert.deepStrictEqual(yield* pages({}), [6, 5, 4, 3, 2, 1])
      assert.deepStrictEqual(yield* pages({ resource: "a" }), [6, 4, 2])
      assert.deepStrictEqual(yield* pages({ resource: "none" }), [])
    }))
})
