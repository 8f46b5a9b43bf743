/** Regular maintenance, in every replica: idempotency keys of old orders are forgotten. */
import { Cause, Clock, Duration, Effect, Layer } from "effect"
import { firstIdAt } from "#shared/contracts/order.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"

const batch = 1_000

/**
 * Forgets the keys of final orders that were placed more than `retention` ago, so that they may be
 * used for new orders. Returns their number. Fails with Transient.
 */
export const forgetKeys = Effect.fnUntraced(function* (retention: Duration.Duration) {
  const database = yield* Database
  const before = firstIdAt((yield* Clock.currentTimeMillis) - Duration.toMillis(retention))
  let forgotten = 0
  let found: number
  do forgotten += found = yield* forgetBatch(database, before)
  while (found === batch)
  return forgotten
})

const forgetBatch = (
  { query }: Database["Service"],
  before: string,
): Effect.Effect<number, Transient> =>
  query((sql) =>
    sql`
      update orders set idempotency_key = null where id = any(array(
        select id from orders where idempotency_key is not null and publish_at is null and id < ${before}
        order by id limit ${batch} for update skip locked))`
  )

/** Forgets keys at the start and every hour, until the scope closes. */
export const upkeepLayer = (retention: Duration.Duration): Layer.Layer<never, never, Database> =>
  Layer.effectDiscard(
    forgetKeys(retention).pipe(
      Effect.catch(({ message }) =>
        Effect.logWarning(`Idempotency keys are not forgotten for now: ${message}`)
      ),
      Effect.catchDefect((defect) => Effect.logError("The upkeep met a defect", Cause.die(defect))),
      Effect.andThen(Effect.sleep("1 hour")),
      Effect.forever,
      Effect.forkScoped,
    ),
  )
