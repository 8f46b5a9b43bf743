/**
 * Sheds load: while more orders are unfinished than can be worked off in reasonable time, new ones are refused instead of
 * being made to wait. The count is taken every second and by this replica's own intake in between.
 */
import { Context, Effect, Layer, Metric } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"
import { countUnfinished } from "./orders-sql.ts"

const unfinished = Metric.gauge("orders_unfinished", {
  description: "Orders that are not final yet, counted up to the limit of the backlog",
})

export class Backlog extends Context.Service<Backlog, {
  /** Lets one more order in. Fails with a 503 Problem while the backlog is full. */
  readonly admit: Effect.Effect<void, Problem>
}>()("unwind/orders/Backlog") {}

export const backlogLayer = (limit: number): Layer.Layer<Backlog, Transient, Database> =>
  Layer.effect(
    Backlog,
    Effect.gen(function* () {
      const { query } = yield* Database
      let count = 0
      const sample = Effect.gen(function* () {
        count = yield* query((sql) => countUnfinished(sql, limit))
        yield* Metric.update(unfinished, count)
      })
      yield* sample
      yield* Effect.sleep("1 second").pipe(
        // A database that is away is reported by those who need an answer of it.
        Effect.andThen(Effect.ignore(sample)),
        Effect.forever,
        Effect.forkScoped,
      )
      return Backlog.of({
        admit: Effect.suspend(() =>
          count < limit ? Effect.sync(() => void count++) : Effect.fail(full)
        ),
      })
    }),
  )

const full = new Problem({
  status: 503,
  code: "overloaded",
  detail: "Too many orders are waiting. Nothing was stored; send this one again in a few seconds.",
  headers: { "retry-after": "5" },
})
