/**
 * Sheds load: while more orders are unfinished than can be worked off in reasonable time, new ones are refused instead of
 * being made to wait. They are counted every second, and what this replica lets in is added in between.
 */
import { Cause, Context, Effect, Layer, Metric } from "effect"
import { Problem } from "#shared/http/problem.ts"
import type { Transient } from "#shared/transient.ts"
import { OrderStore } from "./order-table.ts"

const unfinished = Metric.gauge("orders_unfinished", {
  description: "Orders that are not final yet, counted up to the limit of the backlog",
})

export class Backlog extends Context.Service<Backlog, {
  /** Lets one more order in. Fails with a 503 Problem while the backlog is full. */
  readonly admit: Effect.Effect<void, Problem>
}>()("unwind/orders/Backlog") {}

export const backlogLayer = (limit: number): Layer.Layer<Backlog, Transient, OrderStore> =>
  Layer.effect(
    Backlog,
    Effect.gen(function* () {
      const { query } = yield* OrderStore
      let counted = 0
      let admittedSince = 0
      const count = Effect.gen(function* () {
        const before = admittedSince
        counted = yield* query((orders) => orders.countUnfinished(limit))
        admittedSince -= before
        yield* Metric.update(unfinished, counted)
      })
      yield* count
      yield* Effect.sleep("1 second").pipe(
        Effect.andThen(count),
        // A database that is away is reported by those who need an answer of it.
        Effect.catch(() => Effect.void),
        Effect.catchDefect((defect) =>
          Effect.logError("The count of the backlog met a defect", Cause.die(defect))
        ),
        Effect.forever,
        Effect.forkScoped,
      )
      return Backlog.of({
        admit: Effect.suspend(() => {
          if (counted + admittedSince >= limit) return Effect.fail(overloaded)
          admittedSince++
          return Effect.void
        }),
      })
    }),
  )

/** What a client is told whose order is one too many. */
export const overloaded = new Problem({
  status: 503,
  code: "overloaded",
  detail:
    "Too many orders are waiting, so nothing was stored now. Send this one again in a few seconds.",
  headers: { "retry-after": "5" },
})
