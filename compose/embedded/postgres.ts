/**
 * The embedded run's own PostgreSQL: one cluster below the data folder, on 127.0.0.1 and a free
 * port, with a password. It is made at the first start and does not outlive its scope. If it is
 * durable, every acknowledged commit survives any other end (kill -9, power loss). Only one start
 * at a time: hold the data folder's lock.
 */
import { Effect, Schedule, type Scope } from "effect"
import path from "node:path"
import createClient from "postgres"
import { freePort } from "./free-port.ts"
import { installedBinaries, usableBinaries } from "./postgres-binaries.ts"
import { clusterPath, openCluster, superuser } from "./postgres-cluster.ts"
import { ownPath, serverAccount } from "./server-folder.ts"
import { type Ended, persistently, readPid, startServer } from "./server-process.ts"
import { StartError } from "./start-error.ts"

export interface PostgresOptions {
  readonly dataDir: string
  /**
   * True: acknowledged commits are on the disk. False: faster, but a crash of the machine may
   * corrupt the data.
   */
  readonly durable: boolean
  /** A free port by default. */
  readonly port?: number
}

export interface Postgres {
  /** Connects as the superuser. */
  readonly url: string
  readonly pid: number
  readonly ended: Ended
}

/**
 * In the cluster's folder. PostgreSQL writes its process id in line 1, its port in line 4.
 */
export const postmasterFile = "postmaster.pid"

const carefree = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]

/**
 * Starts the cluster, and succeeds when it accepts connections; the scope stops it. Fails with
 * StartError.
 */
export const startPostgres = (
  options: PostgresOptions,
): Effect.Effect<Postgres, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const dataDir = path.resolve(options.dataDir)
    const account = yield* serverAccount(clusterPath(dataDir))
    const binaries = yield* usableBinaries(yield* installedBinaries, account)
    const { folder, password } = yield* openCluster(dataDir, binaries)
    const pidFile = postmasterFile
    const logFile = path.join(dataDir, "postgres.log")
    const attempt = Effect.gen(function* () {
      const port = options.port ?? (yield* freePort)
      const settings = [
        `port=${port}`,
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        "shared_buffers=128MB",
        "log_checkpoints=off",
        ...(options.durable ? [] : carefree),
      ]
      const ended = yield* startServer({
        name: "PostgreSQL",
        folder,
        command: [
          binaries.postgres,
          "-D",
          ownPath(folder),
          ...settings.flatMap((setting) => ["-c", setting]),
        ],
        pidFile,
        logFile,
      })
      const url = `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`
      yield* Effect.raceFirst(untilReady(url), ended)
      return { url, ended }
    })
    const { ended, url } = yield* persistently("PostgreSQL", logFile, attempt)
    const pid = readPid(path.join(folder.path, pidFile))
    if (pid === undefined) return yield* ended
    return { url, pid, ended }
  })

const untilReady = (url: string): Effect.Effect<void, StartError> =>
  Effect.tryPromise({
    try: async () => {
      const sql = createClient(url, { max: 1, fetch_types: false, onnotice: () => {} })
      await sql`select 1`.finally(() => sql.end())
    },
    catch: (cause) => cause as { readonly code?: string; readonly message: string },
  }).pipe(
    Effect.retry({
      schedule: Schedule.min([
        Schedule.exponential("20 millis", 1.5),
        Schedule.spaced("500 millis"),
      ]),
      while: ({ code }) => code !== "28P01",
    }),
    Effect.mapError(({ message }) =>
      new StartError({
        message: `PostgreSQL refuses its superuser (${message}): ` +
          "put the secrets that belong to the data back, or set DATA_DIR to another folder",
      })
    ),
  )
