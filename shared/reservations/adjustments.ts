/**
 * How an operator changes what is left of a resource: a restock, another capacity, a credit. The
 * adjustment is written to the ledger in the transaction that changes the balance, under the lock
 * that reservations take, and once for each of the operator's keys.
 */
import { Clock, Context, Effect, Layer, Result } from "effect"
import type { Adjustment, NewAdjustment } from "#shared/contracts/stock.ts"
import { Problem } from "#shared/http/problem.ts"
import type { LastStatements } from "#shared/postgres/store.ts"
import type { Transient } from "#shared/transient.ts"
import {
  type AdjustmentKey,
  ReservationStore,
  type ReservationTables,
} from "./reservation-tables.ts"

/** The requested adjustment, and its key. */
export interface Wanted extends NewAdjustment, AdjustmentKey {}

export interface Adjusted {
  readonly adjustment: Adjustment
  /** Whether it was made before, with the same key. */
  readonly replayed: boolean
}

export class Adjustments extends Context.Service<Adjustments, {
  /**
   * Adjusts once; a repeat gives the same answer and changes nothing. Fails with a Problem and
   * changes nothing: 404 when there is no such resource, 409 when less than nothing or too much
   * would be left, 422 when the key was used for another adjustment. A refusal is not recorded, so
   * a retry may succeed. Fails with Unavailable (nothing happened) or OutcomeUnknown (it may have
   * happened: retry with the same key).
   */
  readonly adjust: (wanted: Wanted) => Effect.Effect<Adjusted, Problem | Transient>
}>()("unwind/reservations/Adjustments") {
  static readonly layer: Layer.Layer<Adjustments, never, ReservationStore> = Layer.effect(
    Adjustments,
    Effect.map(ReservationStore, ({ transaction }) =>
      Adjustments.of({
        adjust: (wanted) =>
          Effect.flatMap(
            transaction((tables, last) => adjustIn(tables, last, wanted)),
            Effect.fromResult,
          ),
      })),
  )
}

const adjustIn = Effect.fnUntraced(
  function* (tables: ReservationTables, last: LastStatements, wanted: Wanted) {
    const { resource, operator, idempotencyKey, reason, change } = wanted
    // The lock comes first: a concurrent duplicate waits here, and then finds what was written.
    const available = yield* tables.lockResources([resource], [])
    const known = yield* tables.findAdjustment(wanted)
    if (known !== undefined) return answeredAgain(wanted, known)
    const balance = available.get(resource)
    if (balance === undefined) return Result.fail(noSuchResource(resource))
    const total = yield* tables.totalOf(resource)
    const refused = refusalOf(wanted, balance, total)
    if (refused !== undefined) return Result.fail(refused)
    const adjustedAt = new Date(yield* Clock.currentTimeMillis).toISOString()
    const written = { resource, change, left: balance + change, operator, reason, adjustedAt }
    const [number] = yield* last<number | void>([
      tables.insertAdjustment({ ...written, idempotencyKey }),
      tables.changeBalances(new Map([[resource, change]])),
    ])
    return Result.succeed({ adjustment: { number: number as number, ...written }, replayed: false })
  },
)

const answeredAgain = (
  { resource, change, reason }: Wanted,
  known: Adjustment,
): Result.Result<Adjusted, Problem> =>
  known.resource === resource && known.change === change && known.reason === reason
    ? Result.succeed({ adjustment: known, replayed: true })
    : Result.fail(keyReused)

/**
 * The total of a resource, left plus taken, must stay a safe integer too: orders may give back all
 * that they took.
 */
const refusalOf = ({ resource, change }: Wanted, left: number, total: number) => {
  const taken = total - left
  const numbers = `${left} of ${resource} are left, and orders have taken ${taken}`
  if (left + change < 0) {
    return new Problem({
      status: 409,
      code: "below_zero",
      detail: `${numbers}: ${-change} cannot be taken away. Take away at most ${left}.`,
    })
  }
  if (total + change > Number.MAX_SAFE_INTEGER) {
    const most = Number.MAX_SAFE_INTEGER - total
    return new Problem({
      status: 409,
      code: "too_much",
      detail: `${numbers}: ${change} cannot be added. Add at most ${most}.`,
    })
  }
  return undefined
}

const noSuchResource = (resource: string) =>
  new Problem({
    status: 404,
    code: "resource_not_found",
    detail:
      `There is no ${JSON.stringify(resource)} here. An adjustment changes an existing resource, ` +
      "and creates none.",
  })

const keyReused = new Problem({
  status: 422,
  code: "idempotency_key_reused",
  detail:
    "This Idempotency-Key was used for another adjustment. Use a new key for a new adjustment.",
})
