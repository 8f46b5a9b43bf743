/**
 * A search among a hundred thousand orders, measured in rows read: unlike time, they do not depend
 * on the machine.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { join } from "node:path"
import type { Sql } from "postgres"
import { Search } from "#services/orders/search.ts"
import { mostLookedAt } from "#services/orders/search-sql.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { maxFound, type OrderSearchQuery } from "#shared/contracts/order-search.ts"
import { Database } from "#shared/postgres/database.ts"
import { newDatabase, onlooker, openDatabase } from "../../shared/postgres/open-database.ts"

const many = 100_000
/** Final orders from this number on failed, most of them for lack of money. */
const firstFailed = 55_000

const idOf = (n: number) =>
  OrderId.make(`01900000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`)

const scope = Scope.makeUnsafe()
let search: Search["Service"]
let database: Database["Service"]
let sql: Sql

const start = Effect.gen(function* () {
  const url = yield* newDatabase
  sql = yield* onlooker(url)
  const migrations = join(import.meta.dirname, "../../../services/orders/migrations")
  database = yield* openDatabase(url, { poolSize: 1, migrations })
  const context = yield* Layer.build(
    Layer.provide(Search.layer, Layer.succeed(Database, database)),
  )
  search = Context.get(context, Search)
  yield* Effect.promise(() =>
    sql`
      insert into orders (id, username, amount, details, steps, status, reason, created_at,
        decided_at, publish_at, stuck)
      select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        case when n % 10000 = 9 then 'rare' else 'user-' || n % 100 end, 1,
        jsonb_build_object('item', case when n % 5000 = 4 then 77
            when n % 10 >= 6 then 1 else 1 + n % 10 end,
          'slot', case when n % 500 = 3 then '23:45'
            when n % 50000 = 7 then '22:22' else '09:00' end),
        '["money","item","slot"]', status,
        case when status in ('pending', 'completed') then null
          when n % 2000 = 1 then 'Order timed out'
          when n % 2000 = 8 then 'Can not reserve the item' else 'Not enough money' end,
        now(), case when status in ('completed', 'failed') then now() end,
        case when status in ('pending', 'compensating') then now() end,
        case when n % 20000 = 8 then '{"step":"slot","cause":"away","attempts":9}'::jsonb end
      from generate_series(1, ${many}::int) n, lateral (select case when n % 1000 = 7 then 'pending'
        when n % 2000 = 8 then 'compensating' when n >= ${firstFailed}::int then 'failed'
        else 'completed' end as status) as stands`
  )
})

beforeAll(() => Effect.runPromise(Scope.provide(start, scope)))
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** What a search finds, and how many index entries it reads. Fails if it scans the whole table. */
const searched = Effect.fnUntraced(function* (query: OrderSearchQuery) {
  const read = Effect.gen(function* () {
    // A connection reports its statistics only now and then, unless told to do so with the next
    // statement.
    yield* database.query((sql) => sql`select pg_stat_force_next_flush()`)
    const [counted] = yield* Effect.promise(() =>
      sql`select (select sum(seq_tup_read)::int from pg_stat_user_tables where relname = 'orders') as whole,
        (select sum(idx_tup_read)::int from pg_stat_user_indexes where relname = 'orders') as indexed`
    )
    return counted as unknown as { readonly whole: number; readonly indexed: number }
  })
  const before = yield* read
  const page = yield* search.page(query)
  const after = yield* read
  assert.strictEqual(after.whole, before.whole, `${JSON.stringify(query)} scans the whole table`)
  return { ...page, read: after.indexed - before.indexed }
})

/** How many orders are unfinished. */
const open = many / 1000 + many / 2000

describe("a search among a hundred thousand orders", () => {
  const first: ReadonlyArray<readonly [OrderSearchQuery, found: number, reads: number]> = [
    [{}, 100, 101],
    [{ limit: 500 }, 500, 501],
    [{ status: "pending" }, 100, open],
    [{ status: "compensating" }, 50, open],
    [{ status: "stuck" }, 5, 20],
    [{ status: "failed" }, 100, 150],
    [{ username: "rare" }, 10, 20],
    [{ username: "user-1", status: "completed" }, 100, 1_000],
    [{ item: 77 }, 20, open + 40],
    [{ item: 3 }, 100, open + 101],
    [{ item: 4_000 }, 0, open],
    [{ slot: "23:45" }, 40, 2 * mostLookedAt],
    [{ reason: "Order timed out" }, 22, 50],
    [{ reason: "Not enough money" }, 100, 101],
    [{ step: "slot" }, 5, 20],
    [{ step: "money" }, 100, 120],
    [{ id: idOf(70_000).slice(0, -3) }, 100, 101],
    [{ id: idOf(70_000) }, 1, 2],
    [{ placedBefore: "2000-01-01T00:00:00Z" }, 0, 0],
    [{ placedAfter: "2000-01-01T00:00:00Z", after: idOf(60_000) }, 100, 101],
    [{ status: "completed", after: idOf(firstFailed) }, 100, 110],
  ]
  for (const [query, found, reads] of first) {
    it.live(`reads at most ${reads} for ${JSON.stringify(query)}`, () =>
      Effect.gen(function* () {
        const { orders, read } = yield* searched(query)
        assert.strictEqual(orders.length, found)
        assert.isAtMost(read, reads)
      }))
  }

  it.live("continues after the orders that it has examined when few match, and finds each once", () =>
    Effect.gen(function* () {
      const found: Array<string> = []
      const pages: Array<number> = []
      let after = {}
      while (found.length < 2 * maxFound) {
        const page = yield* searched({ status: "completed", limit: maxFound, ...after })
        assert.isAtMost(page.read, 2 * mostLookedAt)
        found.push(...page.orders.map(({ id }) => id))
        pages.push(page.orders.length)
        after = { after: page.next! }
      }
      const completed = Array.from({ length: firstFailed }, (_, n) => firstFailed - 1 - n)
        .filter((n) => n % 1000 !== 7 && n % 2000 !== 8).map(idOf)
      assert.deepStrictEqual(found, completed.slice(0, 2 * maxFound))
      assert.deepStrictEqual(pages, [0, 0, 500, 500])
    }))

  it.live("shows each unfinished order once, on the page where it belongs", () =>
    Effect.gen(function* () {
      const found: Array<OrderId> = []
      let next: OrderId | null | undefined
      while (next !== null) {
        const page = yield* search.page({ item: 1, slot: "22:22", ...(next && { after: next }) })
        found.push(...page.orders.map(({ id }) => id))
        next = page.next
      }
      assert.deepStrictEqual(found, [50_007, 7].map(idOf))
    }))

  it.live("ends when there are no more orders", () =>
    Effect.gen(function* () {
      let next: OrderId | null | undefined
      let found = 0
      let pages = 0
      while (next !== null) {
        const page = yield* search.page({ slot: "23:45", ...(next && { after: next }) })
        found += page.orders.length
        next = page.next
        pages++
      }
      assert.strictEqual(found, many / 500)
      assert.isAtMost(pages, many / mostLookedAt + 1)
    }))

  it.live("finds the newest unfinished orders when there are very many", () =>
    Effect.gen(function* () {
      yield* Effect.promise(() =>
        sql`update orders set status = 'pending', decided_at = null, publish_at = now(), reason = null
            where id >= ${idOf(85_000)}`
      )
      const newest = (query: OrderSearchQuery) =>
        Effect.map(searched({ ...query, limit: 2 }), ({ orders, read }) => {
          // Unfinished orders are read before all others, and twice because they have just changed.
          assert.isAtMost(read, 4 * mostLookedAt)
          return orders.map(({ id }) => id)
        })
      assert.deepStrictEqual(yield* newest({ status: "pending" }), [many, many - 1].map(idOf))
      assert.deepStrictEqual(
        yield* newest({ status: "stuck" }),
        [80_008, 60_008].map(idOf),
      )
      assert.deepStrictEqual(yield* newest({ item: 77 }), [95_004, 90_004].map(idOf))
    }))
})
