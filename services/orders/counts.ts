/**
 * How many orders there are, for operators: the unfinished ones as they are now, and those that
 * ended in the last day. No query counts all orders, and the cost of a count is bounded: at most
 * `mostCounted` unfinished orders, and the minutes of a day.
 */
import { Clock, Context, Effect, Exit, Layer, Schema } from "effect"
import { OrderStatus } from "#shared/contracts/order-state.ts"
import { firstIdAt, madeAtMs, type OrderId } from "#shared/contracts/order.ts"
import { mostCounted, type OrderCounts } from "#shared/contracts/order-search.ts"
import { text } from "#shared/postgres/columns.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import { bySteadyTime, steadyMs } from "#shared/steady-time.ts"
import type { Transient } from "#shared/transient.ts"
import { type End, selectEnds } from "./ends.ts"

export class Counts extends Context.Service<Counts, {
  /** The last count, unless it is too old. Callers share a count that is in progress. */
  readonly latest: Effect.Effect<OrderCounts, Transient>
}>()("unwind/orders/Counts") {
  static readonly layer: Layer.Layer<Counts, never, Database> = Layer.effect(
    Counts,
    Effect.gen(function* () {
      const { query } = yield* Database
      const clock = yield* Clock.Clock
      const count = Effect.gen(function* () {
        const startedMs = yield* steadyMs
        const nowMs = yield* Clock.currentTimeMillis
        const counts = yield* query((sql) => countAt(sql, nowMs))
        return { counts, tookMs: (yield* steadyMs) - startedMs }
      }).pipe(Effect.provideService(Clock.Clock, clock))
      const cached = yield* Effect.cachedWithTTL(
        count,
        (exit) => Exit.isSuccess(exit) ? Math.max(freshMs, exit.value.tookMs / partOfTime) : 0,
      )
      return Counts.of({ latest: Effect.map(bySteadyTime(cached), ({ counts }) => counts) })
    }),
  )
}

/** How long a count is valid, and the largest part of the time that is spent counting. */
const freshMs = 1_000
const partOfTime = 0.05

const secondsCounted = 60
/** At most this many of the newest orders are used to tell how fast they come. */
const mostPlaced = 10_000

export const countAt = Effect.fnUntraced(function* (sql: Sql, nowMs: number) {
  const [open, ends, newest] = yield* Effect.all(
    [selectOpen(sql), selectEnds(sql, nowMs), selectNewest(sql, nowMs)],
    { concurrency: "unbounded" },
  )
  const pending = open.find(({ status }) => status === "pending")
  const compensating = open.find(({ status }) => status === "compensating")
  const ofStatus = (status: End["status"]) => ends.filter((end) => end.status === status)
  const counts: OrderCounts = {
    pending: pending?.count ?? 0,
    compensating: compensating?.count ?? 0,
    stuck: compensating?.stuck ?? 0,
    areMore: sum(open, "count") >= mostCounted,
    oldestPendingMs: pending === undefined ? null : Math.max(0, nowMs - pending.oldest.getTime()),
    completed: sum(ofStatus("completed"), "count"),
    failed: sum(ofStatus("failed"), "count"),
    reasons: ofStatus("failed")
      .flatMap(({ reason, count }) => reason === null ? [] : [{ reason, count }])
      .toSorted((a, b) => b.count - a.count),
    perSecond: {
      placed: newest.oldest === null
        ? 0
        : newest.count / secondsOf(newest.oldest, newest.count, nowMs),
      completed: sum(ofStatus("completed"), "lately") / secondsCounted,
      failed: sum(ofStatus("failed"), "lately") / secondsCounted,
    },
    at: new Date(nowMs).toISOString(),
  }
  return counts
})

const sum = <K extends string>(rows: ReadonlyArray<Readonly<Record<K, number>>>, key: K): number =>
  rows.reduce((total, row) => total + row[key], 0)

/** The seconds in which `count` orders were placed. */
const secondsOf = (oldest: OrderId, count: number, nowMs: number) =>
  count < mostPlaced ? secondsCounted : Math.max(0.001, (nowMs - madeAtMs(oldest)) / 1_000)

const Open = Schema.Struct({
  status: OrderStatus,
  count: Schema.Int,
  stuck: Schema.Int,
  oldest: Schema.Date,
})

const selectOpen = (sql: Sql) =>
  sql.rows(Open)`
    select status, count(*) as count, count(stuck) as stuck, min(created_at) as oldest from (
      select status, stuck, created_at from orders where publish_at is not null limit ${mostCounted}
    ) as unfinished group by status`

const Newest = Schema.Struct({ count: Schema.Int, oldest: Schema.NullOr(text<OrderId>()) })

const selectNewest = (sql: Sql, nowMs: number) =>
  Effect.map(
    sql.row(Newest)`
      with newest as materialized (
        select id from orders where id >= ${firstIdAt(nowMs - secondsCounted * 1_000)}
        order by id desc limit ${mostPlaced}
      )
      select (select count(*) from newest) as count,
        (select id from newest order by id limit 1) as oldest`,
    (row) => row!,
  )
