/**
 * A service's own PostgreSQL database: a bounded pool that reconnects by itself, with errors
 * classified into those to retry (Unavailable, outcome unknown) and defects. The server's timeouts
 * bound every statement, lock and transaction.
 */
import { Context, Duration, Effect, Layer, Schedule, Schema } from "effect"
import { OutcomeUnknown, type Transient, Unavailable } from "#shared/transient.ts"
import { addressOf } from "./address.ts"
import { assertWritable, type Connection, openConnection } from "./connection.ts"
import { type Listen, makeListen } from "./listener.ts"
import { migrate, type Migrations } from "./migrate.ts"
import { OlderVersion, OnlyLooking } from "./only-looking.ts"
import { makePool, type Pool } from "./pool.ts"
import { problemsOf } from "./preconditions.ts"
import { type Sql, sqlOn } from "./sql.ts"
import { briefly, codeOf, inFull, meaningOf, NotOpened, severityOf } from "./sqlstates.ts"
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
    /**
     * Calls back for each notification on the channel, and with null whenever some may have been
     * missed.
     */
    readonly listen: (
      channel: string,
      notified: (payload: string | null) => void,
    ) => Effect.Effect<void, Transient>
    /** Applies these migrations. Fails with DatabaseError. */
    readonly migrate: (migrations: Migrations) => Effect.Effect<void, DatabaseError>
    /**
     * Succeeds when the database answers and can be written to. Fails with Unavailable or
     * OutcomeUnknown.
     */
    readonly ping: Effect.Effect<void, Transient>
  }
>()("unwind/postgres/Database") {}

/**
 * Connects, waiting for the server to start (a service for up to a minute, a command for ten
 * seconds), checks the preconditions, and migrates. Fails with DatabaseError.
 */
export const databaseLayer = (options: DatabaseOptions): Layer.Layer<Database, DatabaseError> =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      const { service, url, poolSize, migrations } = options
      const address = yield* Effect.fromResult(addressOf(url)).pipe(
        Effect.mapError((problems) => unusable(options, `in DATABASE_URL, ${problems.join("; ")}`)),
      )
      const pool = yield* makePool(() => openConnection({ service, address }), poolSize, service)
      const listen = yield* makeListen((notified) => openConnection({ service, address, notified }))
      const database = Database.of({
        ...makeDatabase(pool, listen),
        migrate: (migrations) =>
          pool.use(inTransaction((sql) => migrate(sql, migrations))).pipe(
            Effect.mapError((error) => {
              if (error instanceof OlderVersion) {
                return new DatabaseError({ message: error.message })
              }
              const words = error instanceof NotOpened ? inFull(error) : (error as Error).message
              return unusable(options, `${words}. ${check}`)
            }),
          ),
      })
      yield* untilFit(options, pool)
      yield* database.migrate(migrations)
      return database
    }),
  )

const unusable = ({ service, url }: DatabaseOptions, why: string) =>
  new DatabaseError({
    message: `${service} cannot use its database ${url.pathname.slice(1)} at ${url.host}: ${why}`,
  })

const check = "Check DATABASE_URL and the role's rights"

/** A person waits for a command, which reads the database of a system that was started before. */
const serverStartsWithin = { service: Duration.minutes(1), command: Duration.seconds(10) }

/** Waits for the server, with any number of tries; logs each reason for waiting once. */
const untilFit = Effect.fnUntraced(function* (options: DatabaseOptions, pool: Pool) {
  const within = serverStartsWithin[(yield* OnlyLooking) ? "command" : "service"]
  const said = new Set<string>()
  let last: unknown
  const note = (error: unknown) => {
    // A timeout explains less than an earlier answer of the server.
    if (last === undefined || severityOf(error) !== undefined) last = error
    const words = inFull(error)
    if (said.has(words) || !passes(error)) return Effect.void
    said.add(words)
    return Effect.logInfo(`${options.service} waits for its database: ${words}`)
  }
  const unfit = () => unusable(options, `${inFull(last)}. ${check}`)
  const problems = yield* withTimeout(problemsOf(pool, options.poolSize)).pipe(
    Effect.tapError(note),
    Effect.retry({ schedule: Schedule.spaced("1 second"), while: passes }),
    Effect.mapError(unfit),
    Effect.timeoutOrElse({ duration: within, orElse: () => Effect.fail(unfit()) }),
  )
  if (problems.length > 0) return yield* unusable(options, problems.join("; "))
})

/** Whether waiting may help. */
const passes = (error: unknown): boolean => {
  const { as, lasting, elsewhere } = meaningOf(error)
  return as !== "defect" && !lasting && !elsewhere
}

const makeDatabase = (pool: Pool, listen: Listen): Omit<Database["Service"], "migrate"> => {
  const query: Database["Service"]["query"] = (run) => onConnection((it) => run(sqlOn(it).sql))
  const onConnection = <A>(run: (connection: Connection) => Effect.Effect<A>) =>
    pool.useThrough((it) => Effect.orDie(withTimeout(run(it)))).pipe(withTimeout, classifyErrors)
  return {
    query,
    transaction: (run) =>
      pool.use(inTransaction(run)).pipe(
        Effect.retry({ times: 5, while: lostConflict }),
        withTimeout,
        classifyErrors,
      ),
    listen: (channel, notified) => classifyErrors(listen(channel, notified)),
    ping: onConnection(assertWritable),
  }
}

const answerWithin = Duration.seconds(20)

/** The server's own timeouts do not help when the server hangs or packets are lost. */
const withTimeout = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeout(effect, answerWithin)

const lostConflict = (error: unknown) => ["40001", "40P01"].includes(codeOf(error))

const classifyErrors = <A, R>(
  effect: Effect.Effect<A, unknown, R>,
): Effect.Effect<A, Transient, R> =>
  Effect.catch(effect, (error): Effect.Effect<never, Transient> => {
    const { as } = meaningOf(error)
    if (as === "unavailable") return Effect.fail(new Unavailable({ message: briefly(error) }))
    if (as === "unknown") return Effect.fail(new OutcomeUnknown({ message: briefly(error) }))
    return Effect.die(error)
  })
