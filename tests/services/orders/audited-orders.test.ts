/**
 * What orders gives the audit: orders with their status, a page at a time, and the oldest
 * unfinished one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { join } from "node:path"
import { AuditedOrders } from "#services/orders/audited-orders.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { Database } from "#shared/postgres/database.ts"
import { newDatabase, onlooker, openDatabase } from "../../shared/postgres/open-database.ts"
import { askAs } from "./asking.ts"
import { place, someone, startOrders, tokenOf, wanted } from "./running-orders.ts"

describe("GET /internal/orders", () => {
  it.live("shows the orders between two ids with their status, newest first", () =>
    Effect.gen(function* () {
      const orders = yield* startOrders()
      const ask = yield* askAs(orders, "orchestrator")
      const user = someone()
      const placed = yield* Effect.forEach(
        Array(4).keys(),
        (n) => place(orders, { user, body: { ...wanted, amount: 1 + n } }),
      )
      const [first, second, third, fourth] = placed.map(({ id }) => id)
      yield* orders.decide({ orderId: second!, decision: "complete" })
      const stuck = { step: "slot", cause: "away", attempts: 3, nextAttemptAt: "soon" } as const
      const abort = { orderId: third!, decision: "abort", reason: "Order timed out" } as const
      yield* orders.decide(abort, { ...abort, stuck })
      const page = (query: string) =>
        Effect.map(
          ask(`/internal/orders?${query}`),
          ({ body, status }) => status === 200 ? body.orders : assert.fail(JSON.stringify(body)),
        )
      const all = yield* page("")
      const ids = (found: ReadonlyArray<{ orderId: string | undefined }>) =>
        found.map(({ orderId }) => orderId)
      assert.deepStrictEqual(ids(all), [fourth, third, second, first])
      assert.deepStrictEqual(all[0], {
        orderId: fourth,
        status: "pending",
        username: user,
        amountMinor: 400,
        details: { item: 1, slot: "09:00" },
        steps: ["money", "item", "slot"],
        createdAt: placed[3]!.createdAt,
        decidedAt: null,
        stuck: null,
      })
      assert.deepInclude(all[1], { status: "compensating", stuck, decidedAt: null })
      assert.strictEqual(all[2].status, "completed")
      assert.isAtLeast(Date.parse(all[2].decidedAt), Date.parse(all[2].createdAt))
      assert.deepStrictEqual(ids(yield* page(`before=${fourth}&after=${first}`)), [third, second])
      assert.deepStrictEqual(ids(yield* page(`before=${fourth}&limit=1`)), [third])
      assert.deepStrictEqual(ids(yield* page(`before=${first}`)), [])
      for (const query of ["limit=0", "limit=1001", "after=1", "username=ann"]) {
        const { body, status } = yield* ask(`/internal/orders?${query}`)
        assert.deepStrictEqual([status, body.code], [400, "invalid_request"], query)
      }
    }))

  it.live("names the oldest unfinished order, and counts the unfinished ones", () =>
    Effect.gen(function* () {
      const orders = yield* startOrders()
      const ask = yield* askAs(orders, "orchestrator")
      const unfinished = Effect.map(ask("/internal/orders/unfinished"), ({ body }) => body)
      assert.deepStrictEqual(yield* unfinished, { oldest: null, count: 0 })
      const [first, second] = [yield* place(orders), yield* place(orders), yield* place(orders)]
      assert.deepStrictEqual(yield* unfinished, { oldest: first!.id, count: 3 })
      yield* orders.decide({ orderId: first!.id, decision: "complete" })
      yield* orders.decide({ orderId: second!.id, decision: "abort", reason: "Order timed out" })
      assert.deepStrictEqual(yield* unfinished, { oldest: second!.id, count: 2 })
    }))

  it.live("tells only auth whether a user has unfinished orders", () =>
    Effect.gen(function* () {
      const orders = yield* startOrders()
      const ask = yield* askAs(orders, "auth")
      const has = (username: string) =>
        Effect.map(
          ask(`/internal/users/unfinished?username=${encodeURIComponent(username)}`),
          ({ status, body }) => {
            assert.strictEqual(status, 200)
            return body.unfinished as boolean
          },
        )
      const first = yield* place(orders)
      const { username } = first
      assert.isTrue(yield* has(username))
      for (const other of ["nobody", `${username} `, `${username}%`]) {
        assert.isFalse(yield* has(other))
      }
      yield* orders.decide({ orderId: first.id, decision: "abort", reason: "Order timed out" })
      assert.isTrue(yield* has(username))
      yield* orders.decide({ orderId: first.id, decision: "settle" })
      assert.isFalse(yield* has(username))
      const path = "/internal/users/unfinished?username=ann"
      assert.strictEqual((yield* (yield* askAs(orders, "orchestrator"))(path)).status, 403)
      assert.strictEqual((yield* ask("/internal/users/unfinished")).status, 400)
    }))

  it.live("is for the orchestrator only", () =>
    Effect.gen(function* () {
      const orders = yield* startOrders()
      const asAuth = yield* askAs(orders, "auth")
      const user = { authorization: `Bearer ${yield* Effect.promise(() => tokenOf("ann"))}` }
      for (const path of ["/internal/orders", "/internal/orders/unfinished"]) {
        assert.strictEqual((yield* asAuth(path)).status, 403)
        for (const headers of [{}, user]) {
          assert.strictEqual((yield* orders.call(path, { user: null, headers })).status, 401)
        }
      }
      const { body } = yield* orders.call("/openapi/orders.json", { user: null })
      assert.deepStrictEqual(Object.keys(body.paths).filter((path) => /internal/.test(path)), [])
    }))

  it.live("reads a page by index, wherever it is among very many orders", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const sql = yield* onlooker(url)
      const migrations = join(import.meta.dirname, "../../../services/orders/migrations")
      const database = yield* openDatabase(url, { poolSize: 1, migrations })
      const context = yield* Layer.build(
        Layer.provide(AuditedOrders.layer, Layer.succeed(Database, database)),
      )
      const { page, unfinished } = Context.get(context, AuditedOrders)
      const id = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`
      const query = (before?: number, after?: number) => ({
        ...(before !== undefined && { before: id(before) }),
        ...(after !== undefined && { after: id(after) }),
      } as Parameters<typeof page>[0])
      const shapes = [query(), query(40_000), query(undefined, 10), query(25_000, 24_000)]
      const all = Effect.all([Effect.forEach(shapes, page), unfinished])
      // Often enough for PostgreSQL to keep its plans of the empty table for good.
      yield* Effect.repeat(all, { times: 12 })
      yield* Effect.promise(() =>
        sql`insert into orders
              (id, username, amount, details, steps, status, created_at, decided_at, publish_at)
            select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'ann', 1,
              '{"item":1,"slot":"09:00"}', '["money","item","slot"]',
              case when n % 10000 = 7 then 'pending' else 'failed' end, now(),
              case when n % 10000 <> 7 then now() end, case when n % 10000 = 7 then now() end
            from generate_series(1, 50000) n`
      )
      const read = Effect.gen(function* () {
        // A connection reports its statistics only now and then, unless told to do so with the next
        // statement.
        yield* database.query((sql) => sql`select pg_stat_force_next_flush()`)
        const [counted] = yield* Effect.promise(() =>
          sql`select sum(seq_tup_read)::int as whole,
                (select sum(idx_tup_read)::int from pg_stat_user_indexes) as indexed
              from pg_stat_user_tables where relname = 'orders'`
        )
        return { whole: Number(counted!["whole"]), indexed: Number(counted!["indexed"]) }
      })
      const before = yield* read
      const [pages, rest] = yield* all
      const after = yield* read
      assert.deepStrictEqual(pages.map(({ length }) => length), [1000, 1000, 1000, 999])
      assert.deepStrictEqual(rest, { oldest: OrderId.make(id(7)), count: 5 })
      assert.strictEqual(after.whole - before.whole, 0)
      assert.isAtMost(after.indexed - before.indexed, 4_100)
    }))
})
