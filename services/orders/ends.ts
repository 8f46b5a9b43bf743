/**
 * How many orders ended when, how and why, for a day. Each batch of decisions adds its rows in the
 * same statement, so nothing is counted twice or left out; the rows of past minutes are merged.
 */
import { Cause, Clock, Effect, Layer, Schema } from "effect"
import type { FailureReason } from "#shared/contracts/order-state.ts"
import { countedHours } from "#shared/contracts/order-search.ts"
import { text } from "#shared/postgres/columns.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"

const minuteMs = 60_000
const dayMs = countedHours * 60 * minuteMs

const End = Schema.Struct({
  status: Schema.Literals(["completed", "failed"]),
  reason: Schema.NullOr(text<FailureReason>()),
  lately: Schema.Int,
  count: Schema.Int,
})
export type End = typeof End.Type

/** The number of orders that ended in each way in the last day, and in the last minute. */
export const selectEnds = (sql: Sql, nowMs: number): Effect.Effect<ReadonlyArray<End>> =>
  sql.rows(End)`
    select status, reason, sum(count)::bigint as count,
      coalesce(sum(count) filter (where ended_at > ${new Date(
    nowMs - minuteMs,
  )}), 0)::bigint as lately
    from order_ends where ended_at > ${new Date(nowMs - dayMs)} group by status, reason`

/** Merges the rows of each past minute, and deletes those older than a day. */
export const rollUpEnds = (sql: Sql, nowMs: number): Effect.Effect<void> => {
  // Decisions of the last minute may still be in flight, so their rows are merged later.
  const over = new Date(Math.floor(nowMs / minuteMs - 1) * minuteMs)
  const dayAgo = new Date(nowMs - dayMs)
  return Effect.asVoid(sql`
    with old as (
      delete from order_ends where ended_at < ${dayAgo}
        or ended_at < ${over} and ended_at <> date_trunc('minute', ended_at)
      returning ended_at, status, reason, count
    )
    insert into order_ends (ended_at, status, reason, count)
    select date_trunc('minute', ended_at), status, reason, sum(count) from old
    where ended_at >= ${dayAgo} group by 1, 2, 3`)
}

/** Rolls up every minute, in every replica, until the scope closes. */
export const endsLayer: Layer.Layer<never, never, Database> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { query } = yield* Database
    const nowMs = yield* Clock.currentTimeMillis
    yield* query((sql) => rollUpEnds(sql, nowMs))
  }).pipe(
    Effect.catch(({ message }) =>
      Effect.logWarning(`The counts of ended orders are not rolled up for now: ${message}`)
    ),
    Effect.catchDefect((defect) =>
      Effect.logError("Rolling up the counts of ended orders met a defect", Cause.die(defect))
    ),
    Effect.andThen(Effect.sleep("1 minute")),
    Effect.forever,
    Effect.forkScoped,
  ),
)
