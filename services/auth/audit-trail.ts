/**
 * The audit trail: who did what, from where, when, and how it ended; never a secret. Each entry is a line of the log, and a
 * row that `npm run trail` finds. Nobody waits for it: entries are written behind what they tell of, many at a time, and
 * trail-bounds.ts says what of a flood is only counted. A process that is killed loses the rows of its last moment, not
 * their lines.
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
  /** Records an event of now, on behalf of the request that is being answered. Never fails, and waits for nothing. */
  readonly record: (event: TrailEvent) => Effect.Effect<void>
}>()("unwind/auth/AuditTrail") {}

/** Keeps the table: what was counted becomes an entry, and what is older than it is kept for goes. */
export class TrailUpkeep extends Context.Service<TrailUpkeep, {
  readonly run: Effect.Effect<void, Transient>
}>()("unwind/auth/TrailUpkeep") {}

/** The most that waits to be written, such as while the database is away. */
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
          // At once: the pool itself waits for a database that comes back.
          Effect.retry({ times: 2 }),
          Effect.catch(({ message }) => lose(entries.length, message)),
          Effect.catchCause((cause) => Effect.logError("The audit trail met a defect", cause)),
        )
      const say = ({ id: _, atMs: __, ...entry }: KeptEntry) => Effect.logInfo("Audit trail", entry)
      const keep = Effect.fnUntraced(function* (entries: ReadonlyArray<TrailEntry>) {
        const request = (yield* CurrentRequest)?.requestId
        for (const entry of entries) {
          const id = crypto.randomUUID()
          // What was counted is of many requests.
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

/** Runs what is to be recorded, and records how it ended. */
export const recorded = <A, E extends Problem | Transient>(
  { record }: AuditTrail["Service"],
  about: Omit<TrailEvent, "outcome" | "reason">,
  effect: Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  effect.pipe(
    Effect.tap(() => record({ ...about, outcome: "done" })),
    Effect.tapError((error) => record({ ...about, ...endingOf(error) })),
  )

/** How what failed is recorded. */
export const endingOf = (error: Problem | Transient): Pick<TrailEvent, "outcome" | "reason"> =>
  error instanceof Problem
    ? { outcome: error.status < 500 ? "refused" : "failed", reason: error.code }
    : { outcome: "failed", reason: error._tag.toLowerCase() }
