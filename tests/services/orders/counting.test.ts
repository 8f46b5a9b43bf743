/** The counts of orders that operators see. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { countAt } from "#services/orders/counts.ts"
import { rollUpEnds } from "#services/orders/ends.ts"
import type { OrderCounts } from "#shared/contracts/order-search.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { newDatabase, onlooker, openDatabase } from "../../shared/postgres/open-database.ts"
import { askAs } from "./asking.ts"
import { place, startOrders } from "./running-orders.ts"
import { until } from "./until.ts"

const migrations = join(import.meta.dirname, "../../../services/orders/migrations")
const minuteMs = 60_000
const hourMs = 60 * minuteMs

const abort = (orderId: OrderId, reason: "Not enough money" | "Order timed out") =>
  ({ orderId, decision: "abort", reason }) as const

/** A database of orders, with functions that count at a given time. */
const counted = Effect.gen(function* () {
  const url = yield* newDatabase
  const sql = yield* onlooker(url)
  const database = yield* openDatabase(url, { migrations })
  return {
    url,
    sql,
    countsAt: (ms: number) => database.query((sql) => countAt(sql, ms)),
    rollUpAt: (ms: number) => database.query((sql) => rollUpEnds(sql, ms)),
    ended: (ms: number, status: string, reason: string | null, count: number) =>
      Effect.promise(() =>
        sql`insert into order_ends values (${new Date(ms)}, ${status}, ${reason}, ${count})`
      ),
    rows: Effect.promise(async () =>
      (await sql`select count(*)::int as count from order_ends`)[0]!["count"] as number
    ),
  }
})

describe("GET /internal/order-counts", () => {
  it.live("counts orders by status, and ended ones by outcome and reason", () =>
    Effect.gen(function* () {
      const orders = yield* startOrders()
      const ask = yield* askAs(orders, "console")
      const counts = Effect.map(ask("/internal/order-counts"), ({ body }) => body as OrderCounts)
      const { at, ...none } = yield* counts
      assert.deepStrictEqual(none, {
        pending: 0,
        compensating: 0,
        stuck: 0,
        areMore: false,
        oldestPendingMs: null,
        completed: 0,
        failed: 0,
        reasons: [],
        perSecond: { placed: 0, completed: 0, failed: 0 },
      })
      const ids = yield* Effect.forEach(
        Array(9).keys(),
        () => Effect.map(place(orders), ({ id }) => id),
      )
      const [a, b, c, d, e, f, g, ...rest] = ids as [OrderId, ...Array<OrderId>]
      const stuck = { step: "slot", cause: "away", attempts: 3, nextAttemptAt: "soon" } as const
      yield* orders.decide(
        { orderId: a, decision: "complete" },
        { orderId: b!, decision: "complete" },
        abort(c!, "Not enough money"),
        abort(d!, "Order timed out"),
        abort(e!, "Order timed out"),
        abort(f!, "Order timed out"),
        abort(g!, "Order timed out"),
      )
      yield* orders.decide(
        ...[c!, d!, e!].map((orderId) => ({ orderId, decision: "settle" as const })),
        { ...abort(f!, "Order timed out"), stuck },
        // Repeated: no end is counted twice.
        { orderId: a, decision: "complete" },
      )
      yield* orders.decide({ orderId: c!, decision: "settle" })
      yield* until(
        "the orders are counted again",
        Effect.map(counts, (now) => now.at !== at && now.failed > 0),
      )
      const { oldestPendingMs, at: later, perSecond, ...now } = yield* counts
      assert.deepStrictEqual(now, {
        pending: rest.length,
        compensating: 2,
        stuck: 1,
        areMore: false,
        completed: 2,
        failed: 3,
        reasons: [
          { reason: "Order timed out", count: 2 },
          { reason: "Not enough money", count: 1 },
        ],
      })
      assert.deepStrictEqual(perSecond, { placed: 9 / 60, completed: 2 / 60, failed: 3 / 60 })
      assert.isAtLeast(oldestPendingMs!, 0)
      assert.isAbove(Date.parse(later), Date.parse(at))
    }))

  it.live("counts once for simultaneous requests", () =>
    Effect.gen(function* () {
      const orders = yield* startOrders()
      const ask = yield* askAs(orders, "console")
      const all = yield* Effect.forEach(
        Array(20).keys(),
        () => Effect.map(ask("/internal/order-counts"), ({ body }) => body.at as string),
        { concurrency: 20 },
      )
      assert.strictEqual(new Set(all).size, 1)
    }))
})

describe("the ends of orders", () => {
  const nowMs = Date.parse("2026-01-31T12:00:30.500Z")

  it.live("are counted for a day, and give a rate for the last minute", () =>
    Effect.gen(function* () {
      const { countsAt, ended } = yield* counted
      yield* ended(nowMs - 25 * hourMs, "completed", null, 1_000)
      yield* ended(nowMs - 23 * hourMs, "completed", null, 100)
      yield* ended(nowMs - 61_000, "failed", "Order cancelled", 10)
      yield* ended(nowMs - 59_000, "failed", "Order cancelled", 5)
      yield* ended(nowMs - 1, "completed", null, 30)
      const { completed, failed, reasons, perSecond } = yield* countsAt(nowMs)
      assert.deepStrictEqual({ completed, failed, reasons }, {
        completed: 130,
        failed: 15,
        reasons: [{ reason: "Order cancelled", count: 15 }],
      })
      assert.deepStrictEqual(perSecond, { placed: 0, completed: 30 / 60, failed: 5 / 60 })
    }))

  it.live("become one row for each past minute, and the counts stay the same", () =>
    Effect.gen(function* () {
      const { countsAt, ended, rollUpAt, rows } = yield* counted
      for (let n = 0; n < 100; n++) {
        yield* ended(nowMs - 1 - n * 2_000, "completed", null, 1)
        yield* ended(nowMs - 1 - n * 2_000, "failed", n % 2 ? "Order timed out" : null, 1)
      }
      yield* ended(nowMs - 25 * hourMs, "failed", null, 7)
      const before = yield* countsAt(nowMs)
      // Two replicas roll up at the same time, and one of them again.
      yield* Effect.all([rollUpAt(nowMs), rollUpAt(nowMs)], { concurrency: 2 })
      yield* rollUpAt(nowMs)
      assert.deepStrictEqual(yield* countsAt(nowMs), before)
      // 46 completed and 46 failed orders of this minute and the last, and one row for each of the
      // three kinds of end in each of the two minutes before.
      assert.strictEqual(yield* rows, 2 * 46 + 2 * 3)
      yield* rollUpAt(nowMs + 25 * hourMs)
      assert.strictEqual(yield* rows, 0)
    }))

  it.live("include the orders of the last day after a migration", () =>
    Effect.gen(function* () {
      const { url, sql, countsAt } = yield* counted
      yield* Effect.promise(async () => {
        await sql`
          insert into orders (id, username, amount, details, steps, status, reason, created_at, decided_at)
          select gen_random_uuid(), 'ann', 1, '{}', '[]', case when n > 3 then 'failed' else 'completed' end,
            case when n > 3 then 'Order timed out' end, now() - n * interval '7 hours', now() - n * interval '7 hours'
          from generate_series(1, 5) n`
        await sql`drop table order_ends`
        await sql`drop index orders_of_item, orders_undone, orders_with_reason, orders_stuck`
        await sql`delete from migrations where name = '0005_search.sql'`
      })
      yield* openDatabase(url, { migrations })
      const { completed, failed } = yield* countsAt(Date.now())
      assert.deepStrictEqual({ completed, failed }, { completed: 3, failed: 0 })
    }))
})

describe("the rate at which orders are placed", () => {
  it.live("is measured on the newest orders when there are very many", () =>
    Effect.gen(function* () {
      const { sql, countsAt } = yield* counted
      const nowMs = Date.parse("2026-01-31T12:00:30.500Z")
      // One order each millisecond, for twenty seconds.
      yield* Effect.promise(() =>
        sql`
          insert into orders (id, username, amount, details, steps, created_at, publish_at)
          select (left(hex, 8) || '-' || right(hex, 4) || '-7000-8000-000000000000')::uuid, 'ann', 1, '{}',
            '[]', now(), now()
          from generate_series(1, 20000) n, lpad(to_hex(${nowMs}::bigint - n), 12, '0') hex`
      )
      const { perSecond, pending, areMore } = yield* countsAt(nowMs)
      assert.strictEqual(perSecond.placed, 1_000)
      assert.deepStrictEqual({ pending, areMore }, { pending: 20_000, areMore: false })
    }))
})
