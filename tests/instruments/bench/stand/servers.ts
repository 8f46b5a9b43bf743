/**
 * The servers of a bench: a PostgreSQL that syncs every commit, and a Redis with its append-only
 * file.
 */
import { Effect, type Scope } from "effect"
import { join } from "node:path"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"
import { ensureDatabases, startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { redisOnPath, startRedis } from "#compose/embedded/redis.ts"
import { readPid } from "#compose/embedded/server/process.ts"
import { StartError } from "#compose/embedded/start-error.ts"
import type { Metered } from "../meter/meter.ts"

export const databaseNames = ["auth", "billing", "orders", "items", "slots"] as const
export type DatabaseName = typeof databaseNames[number]

export interface Servers {
  /** Connects as the superuser. */
  readonly postgresUrl: string
  /** The address of each service's database, for the service itself. */
  readonly databases: Readonly<Record<DatabaseName, string>>
  readonly redisUrl: string
  /** Fails if one of them ends by itself. */
  readonly ended: Effect.Effect<never, StartError>
}

/** Starts both with their data in the folder, until the scope closes. */
export const startServers = (folder: string): Effect.Effect<Servers, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const program = redisOnPath()
    if (program === undefined) return yield* noRedis
    yield* lockDataFolder(folder)
    const postgres = yield* startPostgres({ dataDir: folder, durable: true })
    const databases = yield* ensureDatabases(postgres.url, databaseNames)
    const redis = yield* startRedis({ program, dataDir: folder })
    return {
      postgresUrl: postgres.url,
      databases,
      redisUrl: redis.url,
      ended: Effect.raceFirst(postgres.ended, redis.ended),
    }
  })

const noRedis = new StartError({
  message:
    "The bench needs a Redis server on the PATH: install redis-server (or valkey-server), 7.0 or newer",
})

const pidFiles = { postgres: "postgres/postmaster.pid", redis: "redis/redis.pid" }

/** The servers that run below a folder. */
export const serversIn = (folder: string): ReadonlyArray<Metered> =>
  Object.entries(pidFiles).flatMap(([name, file]) => {
    const pid = readPid(join(folder, file))
    return pid === undefined ? [] : [{ name, pid }]
  })
