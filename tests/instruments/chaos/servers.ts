/** The PostgreSQL and the Redis of a chaos run: real servers of its own, with their faults. */
import { Effect, Schedule, type Scope } from "effect"
import { Redis } from "ioredis"
import { join } from "node:path"
import createClient from "postgres"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"
import { ensureDatabases, startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { keepRunning } from "#compose/embedded/server/kept-running.ts"
import { readPid } from "#compose/embedded/server/process.ts"
import { StartError } from "#compose/embedded/start-error.ts"
import { startRedis } from "#tests/support/redis.ts"

export interface ChaosPostgres {
  /** Connects as the superuser, without a link in between. */
  readonly url: string
  readonly port: number
  /** The address of each service's database. */
  readonly databases: Readonly<Record<string, string>>
  /** Kills the postmaster with -9; it is started again a second later. */
  readonly kill: Effect.Effect<void>
  /** Ends all connections of clients. */
  readonly terminateAll: Effect.Effect<void>
  readonly untilBack: Effect.Effect<void>
  /** Fails if the server cannot be started again. */
  readonly lost: Effect.Effect<never, StartError>
}

const soon = Schedule.spaced("50 millis")

/** Starts a PostgreSQL that syncs every commit, until the scope closes. */
export const startChaosPostgres = (
  dataDir: string,
  port: number,
): Effect.Effect<ChaosPostgres, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* lockDataFolder(dataDir)
    const { url, lost } = yield* keepRunning(() => startPostgres({ dataDir, durable: true, port }))
    const databases = yield* ensureDatabases(url, [
      "auth",
      "billing",
      "orders",
      "items",
      "slots",
    ])
    const ask = (statement: string) =>
      Effect.tryPromise(async () => {
        const sql = createClient(url, { max: 1, fetch_types: false, onnotice: () => {} })
        await sql.unsafe(statement).finally(() => sql.end({ timeout: 1 }))
      })
    return {
      url,
      port,
      databases,
      kill: Effect.sync(() => {
        const postmaster = readPid(join(dataDir, "postgres/postmaster.pid"))
        if (postmaster !== undefined) process.kill(postmaster, "SIGKILL")
      }),
      terminateAll: Effect.ignore(ask(
        "select pg_terminate_backend(pid) from pg_stat_activity " +
          "where backend_type = 'client backend' and pid <> pg_backend_pid()",
      )),
      untilBack: Effect.orDie(Effect.retry(ask("select 1"), soon)),
      lost,
    }
  })

export interface Rest {
  /** Entries that a consumer has taken and not acknowledged. */
  readonly pending: number
  readonly entries: number
  readonly deadLetters: number
}

export interface ChaosRedis {
  readonly port: number
  /** Kills it with -9, and starts it again after the given time, without its content. */
  readonly restart: (downMs: number) => Effect.Effect<void>
  readonly flush: Effect.Effect<void>
  /** What the order queue has now. Dead letters also count after they were flushed. */
  readonly look: Effect.Effect<Rest>
}

const stream = "orders"
const group = "orchestrators"

/** Starts a Redis that keeps nothing on the disk, until the scope closes. Fails with StartError. */
export const startChaosRedis: Effect.Effect<ChaosRedis, StartError, Scope.Scope> = Effect.gen(
  function* () {
    const server = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: startRedis,
        catch: (cause) => new StartError({ message: (cause as Error).message }),
      }),
      // The terminal's Ctrl-C may have ended it before; then there is no exit to wait for.
      (server) => Effect.timeoutOption(Effect.promise(server.kill), "2 seconds"),
    )
    const client = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 })
          .on("error", () => {}) // Down on purpose; it connects again.
      ),
      (client) => Effect.sync(() => client.disconnect()),
    )
    let buriedBefore = 0
    const dead = Effect.promise(() => client.xlen(`${stream}:dead`))
    const count = Effect.map(dead, (letters) => void (buriedBefore += letters))
    const pending = Effect.promise(() =>
      // The group exists once a consumer has made it.
      client.xpending(stream, group).then(([pending]) => Number(pending), () => 0)
    )
    return {
      port: Number(new URL(server.url).port),
      restart: (downMs) =>
        Effect.gen(function* () {
          yield* count
          yield* Effect.promise(server.kill)
          yield* Effect.sleep(downMs)
          // Another connection may have its port for a moment.
          yield* Effect.tryPromise(server.start).pipe(
            Effect.retry(Schedule.upTo(Schedule.spaced("500 millis"), { times: 10 })),
            Effect.orDie,
          )
        }),
      flush: Effect.andThen(count, Effect.promise(() => client.flushall())),
      look: Effect.all({
        pending,
        entries: Effect.promise(() => client.xlen(stream)),
        deadLetters: Effect.map(dead, (letters) => letters + buriedBefore),
      }),
    }
  },
)
