/**
 * The participant protocol, implemented once for all participants. A batch of commands is one
 * transaction with a fixed number of statements, whatever its size. The record of an order is
 * written in the same transaction as the balance.
 */
import { Clock, Context, Duration, Effect, Layer } from "effect"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { failpoint } from "#shared/failpoint.ts"
import type { LastStatements } from "#shared/postgres/store.ts"
import { batchAttributes, withinSpan } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { ReservationStore, type ReservationTables } from "./reservation-tables.ts"
import { type Applied, applyCommands } from "./rules.ts"

export class Reservations extends Context.Service<Reservations, {
  /**
   * Applies the commands one after another, in one transaction, and answers in their order.
   * Repeated commands get the same answers. Fails with Unavailable (nothing happened) or
   * OutcomeUnknown (it may have happened).
   */
  readonly apply: (
    commands: ReadonlyArray<Command>,
  ) => Effect.Effect<ReadonlyArray<Outcome>, Transient>
}>()("unwind/reservations/Reservations") {}

/** Nothing is reserved for an order that is older than `retention`. */
export const reservationsLayer = (
  retention: Duration.Duration,
): Layer.Layer<Reservations, never, ReservationStore> =>
  Layer.effect(
    Reservations,
    Effect.map(ReservationStore, ({ transaction }) => {
      const retentionMs = Duration.toMillis(retention)
      return Reservations.of({
        apply: (commands) =>
          Effect.tap(
            withinSpan(
              transaction((tables, last) => applyIn(tables, last, commands, retentionMs)),
              "apply commands",
              { attributes: batchAttributes(commands) },
            ),
            failpoint("reservations.committed"),
          ),
      })
    }),
  )

const applyIn = Effect.fnUntraced(
  function* (
    tables: ReservationTables,
    last: LastStatements,
    commands: ReadonlyArray<Command>,
    retentionMs: number,
  ) {
    const orderIds = distinct(commands.map(({ orderId }) => orderId))
    const names = distinct(commands.map(({ resource }) => resource))
    // Only a cancel may change a resource that its command does not name.
    const cancels = commands.filter(({ action }) => action === "cancel")
    const cancelledIds = distinct(cancels.map(({ orderId }) => orderId))
    // Both statements are sent together. They lock in one global order (orders, then resources,
    // each sorted), so batches cannot deadlock.
    const [known, available] = yield* Effect.all(
      [tables.lockReservations(orderIds), tables.lockResources(names, cancelledIds)],
      { concurrency: "unbounded" },
    )
    const nowMs = yield* Clock.currentTimeMillis
    const applied = applyCommands(commands, known, available, { nowMs, retentionMs })
    yield* failpoint("reservations.before commit")
    yield* last(writes(tables, applied))
    return applied.outcomes
  },
)

const writes = (
  { insertRecords, markCancelled, changeBalances }: ReservationTables,
  { recorded, givenBack, changes }: Applied,
) => [
  ...(recorded.length === 0 ? [] : [insertRecords(recorded)]),
  ...(givenBack.length === 0 ? [] : [markCancelled(givenBack.map(({ orderId }) => orderId))]),
  ...(changes.size === 0 ? [] : [changeBalances(changes)]),
]

const distinct = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => [...new Set(values)]
