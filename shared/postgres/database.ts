/**
 * A service's own PostgreSQL database: a bounded pool that reconnects by itself, with errors sorted into what can be
 * tried again (Unavailable, Unknown) and defects. The server's timeouts bound every statement, lock and transaction.
 */
import { Cause, Context, Duration, Effect, Fiber, Layer, Schedule, Schema } from "effect"
import postgres from "postgres"
import { type Transient, Unavailable, Unknown } from "#shared/transient.ts"
import { connectionOptions } from "./connection.ts"
import { migrate, type Migrations } from "./migrate.ts"
import { OlderVersion } from "./only-looking.ts"
import { makePool, type Pool } from "./pool.ts"
import { type Sql, sqlOn } from "./sql.ts"
import type { Store } from "./store.ts"
import { inTransaction } from "./transaction.ts"

/** The database cannot be used as it is; the message says why and what to do. */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  message: Schema.String,
}) {}

export interface DatabaseOptions {
  readonly service: string
  readonly url: URL
  readonly poolSize: number
  readonly migrations: Migrations
}

export class Database extends Context.Service<
  Database,
  Store<Sql> & {
    /** Calls back for each notification on the channel, and with null whenever some may have been missed. */
    readonly listen: (
      channel: string,
      notified: (payload: string | null) => void,
    ) => Effect.Effect<void, Transient>
    /** Brings the database up to date with these migrations. Fails with DatabaseError. */
    readonly migrate: (migrations: Migrations) => Effect.Effect<void, DatabaseError>
    /** Succeeds when the database answers. Fails with Unavailable or Unknown. */
    readonly ping: Effect.Effect<void, Transient>
  }
>()("unwind/postgres/Database") {}

/** Connects, waiting up to a minute for a server that is not up yet, and migrates. Fails with DatabaseError. */
export const databaseLayer = (options: DatabaseOptions): Layer.Layer<Database, DatabaseError> =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      const { service, url, poolSize } = options
      const pool = yield* makePool({ service, url, size: poolSize })
      const listener = yield* Effect.acquireRelease(
        Effect.sync(() => postgres(url.href, { ...connectionOptions(service), backoff })),
        (listener) => Effect.promise(() => listener.end({ timeout: 5 })),
      )
      const database = Database.of({
        ...makeDatabase(pool, listener),
        migrate: (migrations) =>
          pool.use(inTransaction((sql) => migrate(sql, migrations))).pipe(
            Effect.mapError((error) => unusable(options, error)),
          ),
      })
      yield* database.ping.pipe(
        Effect.tapError((error) =>
          Effect.logInfo(`${service} waits for its database: ${error.message}`)
        ),
        Effect.retry(Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "1 minute" }))),
        Effect.catch((error) => Effect.fail(unusable(options, error))),
        Effect.catchDefect((defect) => Effect.fail(unusable(options, defect))),
      )
      yield* database.migrate(options.migrations)
      return database
    }),
  )

const unusable = ({ service, url }: DatabaseOptions, error: unknown) =>
  new DatabaseError({
    message: error instanceof OlderVersion
      ? error.message
      : `${service} cannot use its database ${url.pathname.slice(1)} at ${url.host}: ` +
        `${(error as Error).message}. Check DATABASE_URL and the role's rights`,
  })

/** Quick to come back after a restart of the server, without a storm while it is away. In seconds. */
const backoff = (retries: number) => Math.min(0.05 * 2 ** retries, 1)

const makeDatabase = (
  pool: Pool,
  listener: postgres.Sql,
): Omit<Database["Service"], "migrate"> => {
  const query: Database["Service"]["query"] = (run) =>
    pool.use((connection) => run(sqlOn(connection).sql)).pipe(bounded, seenThrough, sorted)
  return {
    query,
    transaction: (run) =>
      pool.use(inTransaction(run)).pipe(
        Effect.retry({ times: 5, while: lostConflict }),
        bounded,
        sorted,
      ),
    listen: (channel, notified) =>
      Effect.tryPromise({
        try: () => listener.listen(channel, notified, () => notified(null)),
        catch: (error) => error,
      }).pipe(sorted, Effect.asVoid),
    ping: query((sql) => Effect.asVoid(sql`select 1`)),
  }
}

const answerWithin = Duration.seconds(20)

/** The server's own timeouts do not help when the server hangs or the network swallows packets. */
const bounded = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, answerWithin)

/**
 * A statement that is out is seen through when nobody waits for it any more: else whoever asks and hangs up, again and again,
 * has a connection closed and another one opened each time.
 */
const seenThrough = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.forkDetach(effect, { startImmediately: true }), Fiber.join)

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? "")

const lostConflict = (error: unknown) => ["40001", "40P01"].includes(codeOf(error))

// Nothing was sent, or PostgreSQL itself says that the statement was rolled back for a reason that passes.
const rolledBack =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT|CONNECTION_ENDED|08001|08004|25006|40001|40P01|53...|55P03|57014|57P0[123])$/
const broken = /^(CONNECTION_CLOSED|CONNECTION_DESTROYED|ECONNRESET|EPIPE|ETIMEDOUT|08...)$/

const sorted = <A, R>(effect: Effect.Effect<A, unknown, R>): Effect.Effect<A, Transient, R> =>
  Effect.catch(effect, (error): Effect.Effect<never, Transient> => {
    const code = codeOf(error)
    if (rolledBack.test(code)) {
      return Effect.fail(new Unavailable({ message: `The database cannot be used now (${code})` }))
    }
    if (broken.test(code) || Cause.isTimeoutError(error)) {
      return Effect.fail(
        new Unknown({ message: `The database did not answer (${code || "timeout"})` }),
      )
    }
    return Effect.die(error)
  })
