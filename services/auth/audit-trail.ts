/**
 * The audit trail: who did what, from where, when, and how it ended; never a secret. Each entry is
 * a log line, and a row that `npm run trail` finds. Nothing waits for it: rows are written in
 * batches after the events, and trail-bounds.ts decides what is only counted in a flood. A process
 * that is killed loses the rows of its last moments, but not their log lines.
 */
import { Clock, Context, Duration, Effect, Layer, Metric, Queue } from "effect"
import { Problem } from "#shared/http/problem.ts"
import { CurrentRequest } from "#shared/http/request-origin.ts"
import { Database } from "#shared/postgres/database.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import type { Transient } from "#shared/transient.ts"
import { makeTrailBounds, type TrailEntry, type TrailEvent } from "./trail-bounds.ts"
import { type KeptEntry, trailTable } from "./trail-table.ts"

export class AuditTrail extends Context.Service<AuditTrail, {
  /** Records an event that happens now, for the current request. Never fails, and never waits. */
  readonly record: (event: TrailEvent) => Effect.Effect<void>
}>()("unwind/auth/AuditTrail") {}

/** Maintains the table: writes counts as entries, and deletes entries past their retention. */
export class TrailUpkeep extends Context.Service<TrailUpkeep, {
  readonly run: Effect.Effect<void, Transient>
}>()("unwind/auth/TrailUpkeep") {}

/** The most entries that wait to be written, for example while the database is unavailable. */
const waitingAtMost = 20_000
const writtenAtOnce = 500

const lost = Metric.counter("audit_trail_lost_total", {
  description:
    "Entries of the audit trail that are in the log only, since the database did not take them",
  incremental: true,
})

export const auditTrailLayer = (
  keptFor: Duration.Duration,
): Layer.Layer<AuditTrail | TrailUpkeep, never, Database> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { query } = yield* Database
      yield* fromTheStart([lost])
      const bounds = makeTrailBounds()
      const waiting = yield* Queue.dropping<KeptEntry>(waitingAtMost)

      const lose = (count: number, why: string) =>
        Effect.andThen(
          Metric.update(lost, count),
          Effect.logWarning("Entries of the audit trail are in the log only", { why }),
        )
      const write = (entries: ReadonlyArray<KeptEntry>) =>
        query((sql) => trailTable(sql).insert(entries)).pipe(
          // Without a delay: the pool itself waits for a database to come back.
          Effect.retry({ times: 2 }),
          Effect.catch(({ message }) => lose(entries.length, message)),
          Effect.catchCause((cause) => Effect.logError("The audit trail met a defect", cause)),
        )
      const say = ({ id: _, atMs: __, ...entry }: KeptEntry) => Effect.logInfo("Audit trail", entry)
      const keep = Effect.fnUntraced(function* (entries: ReadonlyArray<TrailEntry>) {
        const request = (yield* CurrentRequest)?.requestId
        for (const entry of entries) {
          const id = crypto.randomUUID()
          // A count belongs to many requests.
          const kept = { ...entry, id, request: entry.count === 1 ? request : undefined }
          yield* say(kept)
          if (!Queue.offerUnsafe(waiting, kept)) yield* lose(1, "too many wait to be written")
        }
      })

      yield* Effect.addFinalizer(() =>
        Effect.gen(function* () {
          yield* keep(bounds.close())
          const left = yield* Queue.clear(waiting)
          if (left.length > 0) yield* write(left)
        })
      )
      yield* Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(Queue.takeBetween(waiting, 1, writtenAtOnce)), write)
      ).pipe(Effect.forever, Effect.forkScoped)

      const purge = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        query((sql) =>
          trailTable(sql).purge(new Date(now - Duration.toMillis(keptFor)))
        ).pipe(
          Effect.repeat({ while: (more) => more }),
        ))
      return Context.make(AuditTrail, {
        record: (event) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => keep(bounds.admit(event, now))),
      }).pipe(
        Context.add(TrailUpkeep, {
          run: Clock.currentTimeMillis.pipe(
            Effect.flatMap((now) => keep(bounds.counted(now))),
            Effect.andThen(purge),
            Effect.asVoid,
          ),
        }),
      )
    }),
  )

/** Runs the effect, and records how it ended. */
export const recorded = <A, E extends Problem | Transient>(
  { record }: AuditTrail["Service"],
  about: Omit<TrailEvent, "outcome" | "reason">,
  effect: Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  effect.pipe(
    Effect.tap(() => record({ ...about, outcome: "done" })),
    Effect.tapError((error) => record({ ...about, ...endingOf(error) })),
  )

/** How a failure is recorded. */
export const endingOf = (error: Problem | Transient): Pick<TrailEvent, "outcome" | "reason"> =>
  error instanceof Problem
    ? { outcome: error.status < 500 ? "refused" : "failed", reason: error.code }
    : { outcome: "failed", reason: error._tag.toLowerCase() }
