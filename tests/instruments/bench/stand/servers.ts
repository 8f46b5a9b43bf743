/**
 * The servers of a bench: a PostgreSQL that syncs every commit, and a Redis with its append-only
 * file.
 */
import { Effect, Option, type Scope } from "effect"
import { join } from "node:path"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"
import { ensureDatabases } from "#compose/embedded/postgres-databases.ts"
import { startPostgres } from "#compose/embedded/postgres.ts"
import { startRedis } from "#compose/embedded/redis.ts"
import { readPid } from "#compose/embedded/server-process.ts"
import { StartError } from "#compose/embedded/start-error.ts"

export const databaseNames = ["auth", "billing", "orders", "items", "slots"] as const
export type DatabaseName = typeof databaseNames[number]

export interface Servers {
  /** Connects as the superuser. */
  readonly postgresUrl: string
  readonly postgresPid: number
  /** The address of each service's database, for the service itself. */
  readonly databases: Readonly<Record<DatabaseName, string>>
  readonly redisUrl: string
  readonly redisPid: number
  /** Fails if one of them ends by itself. */
  readonly ended: Effect.Effect<never, StartError>
}

/** Starts both with their data in the folder, until the scope closes. */
export const startServers = (folder: string): Effect.Effect<Servers, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* lockDataFolder(folder)
    const postgres = yield* startPostgres({ dataDir: folder, durable: true })
    const databases = yield* ensureDatabases(postgres, databaseNames)
    const redis = yield* startRedis({ dataDir: folder })
    if (Option.isNone(redis)) return yield* noRedis
    const redisPid = readPid(join(folder, "redis/redis.pid"))
    if (redisPid === undefined) return yield* redis.value.ended
    return {
      postgresUrl: postgres.url,
      postgresPid: postgres.pid,
      databases,
      redisUrl: redis.value.url,
      redisPid,
      ended: Effect.raceFirst(postgres.ended, redis.value.ended),
    }
  })

const noRedis = new StartError({
  message:
    "The bench needs a Redis server on the PATH: install redis-server (or valkey-server), 7.0 or newer",
})
