/**
 * The embedded run's own PostgreSQL: one cluster below the data folder, on 127.0.0.1 and a free
 * port, with a password. It is made at the first start and does not outlive its scope. Files
 * outside this folder import only this one.
 */
import { Effect, Result, Schedule, type Scope } from "effect"
import fs from "node:fs"
import path from "node:path"
import createClient from "postgres"
import { lockDataFolder, secretPath } from "../data-folder.ts"
import { ownPath, serverAccount } from "../server/folder.ts"
import { type RunningServer, startServer } from "../server/process.ts"
import { StartError } from "../start-error.ts"
import { installedBinaries, usableBinaries } from "./binaries.ts"
import { clusterPath, openCluster, passwordName, superuser } from "./cluster.ts"
import { serviceUrl } from "./databases.ts"

export { ensureDatabases } from "./databases.ts"

export interface PostgresOptions {
  readonly dataDir: string
  /**
   * True: acknowledged commits are on the disk, so they survive a kill -9 or a power loss. False:
   * faster, but a crash of the machine may corrupt the data.
   */
  readonly durable: boolean
  /** A free port by default. */
  readonly port?: number | undefined
}

/** In the cluster's folder. PostgreSQL writes its process id in line 1, its port in line 4. */
const pidFile = "postmaster.pid"

const carefree = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]

/**
 * Starts the cluster, and succeeds when it accepts connections; the scope stops it. Only one start
 * at a time: hold the data folder's lock. The URL is the superuser's. Fails with StartError.
 */
export const startPostgres = (
  { durable, port, ...options }: PostgresOptions,
): Effect.Effect<RunningServer, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const dataDir = path.resolve(options.dataDir)
    const account = yield* serverAccount(clusterPath(dataDir))
    const binaries = yield* usableBinaries(yield* installedBinaries, account)
    const { folder, password } = yield* openCluster(dataDir, binaries)
    const settings = [
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      "max_connections=200",
      "shared_buffers=128MB",
      "log_checkpoints=off",
      ...(durable ? [] : carefree),
    ]
    return yield* startServer({
      name: "PostgreSQL",
      folder,
      pidFile,
      logFile: path.join(dataDir, "postgres.log"),
      port,
      command: (port) => [
        binaries.postgres,
        "-D",
        ownPath(folder),
        ...[`port=${port}`, ...settings].flatMap((setting) => ["-c", setting]),
      ],
      url: (port) => superuserUrl(password, port),
      untilReady,
    })
  })

const superuserUrl = (password: string, port: number | string | undefined) =>
  `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`

const connect = async (url: string): Promise<void> => {
  const sql = createClient(url, { max: 1, fetch_types: false, onnotice: () => {} })
  await sql`select 1`.finally(() => sql.end())
}

const untilReady = (url: string): Effect.Effect<void, StartError> =>
  Effect.tryPromise({
    try: () => connect(url),
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

/**
 * The URLs of the services' databases in a data folder, for programs beside the system: on the
 * running server if the folder is in use, or else on one that runs until the scope closes. Fails
 * with StartError, which names `elsewhere` as a remedy when the folder has no data.
 */
export const openFolderDatabases = (
  dataDir: string,
  elsewhere: string,
): Effect.Effect<(service: string) => URL, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    if (!fs.existsSync(clusterPath(dataDir))) {
      return yield* new StartError({
        message:
          `There is no data in ${dataDir}: set DATA_DIR to the folder of npm start, or ${elsewhere}`,
      })
    }
    const locked = yield* Effect.result(lockDataFolder(dataDir))
    const url = Result.isSuccess(locked)
      ? (yield* startPostgres({ dataDir, durable: true })).url
      : yield* Effect.mapError(runningUrl(dataDir), () =>
        new StartError({
          message: `${locked.failure.message}. Its PostgreSQL cannot be reached now: try again`,
        }))
    return (service) => serviceUrl(url, service)
  })

const runningUrl = (dataDir: string) =>
  Effect.tryPromise(async () => {
    const port = fs.readFileSync(path.join(clusterPath(dataDir), pidFile), "utf8").split("\n")[3]
    const password = fs.readFileSync(secretPath(dataDir, passwordName), "utf8").trim()
    const url = superuserUrl(password, port)
    await connect(url)
    return url
  })
