/**
 * The whole system in one process, on a machine with only Node and npm: PostgreSQL from npm, Redis
 * if there is one on the PATH, all services, a public port, and a loopback port for health and
 * metrics. Its data is in one folder, and it stops everything that it starts.
 */
import { Effect, Scope } from "effect"
import { join } from "node:path"
import { makeFirstSignIn } from "#services/auth/first-sign-in.ts"
import { type Handlers, listenDoors } from "#shared/http/listen-doors.ts"
import { startingApp } from "#shared/http/starting.ts"
import { type ServiceName, serviceNames, withDatabase } from "#shared/roster.ts"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { lockDataFolder } from "./data-folder.ts"
import { elsewhere, elsewhereSettings, isHere } from "./elsewhere.ts"
import { gateway } from "./gateway.ts"
import { noteAddresses } from "./noted-addresses.ts"
import { operations } from "./operations.ts"
import { ensureDatabases, startPostgres } from "./postgres/postgres.ts"
import { redisOnPath, startRedis } from "./redis.ts"
import { keepRunning } from "./server/kept-running.ts"
import { type Apps, checkSettings, startServices } from "./services.ts"
import { StartError } from "./start-error.ts"

export interface SystemOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** The loopback port for health and metrics; 0 for any free port. */
  readonly internalPort: number
  /** How long an idle connection is kept. */
  readonly keepAliveMs?: number
  /** The maximum number of connections at each port. */
  readonly maxConnections?: number
  /** Whether to trust the headers of a proxy in front. */
  readonly trustProxy?: boolean
  readonly dataDir: string
  /** The order queue; by default Redis from the PATH, or else memory. */
  readonly queueUrl: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Reports progress to the user. */
  readonly progress: (what: string) => Effect.Effect<void>
}

export interface System {
  readonly port: number
  readonly internalPort: number
  readonly apps: Apps
  /** The addresses of the services that are not in this process. */
  readonly elsewhere: ReadonlyMap<ServiceName, URL>
  readonly queueUrl: string
  /** Signs the first operator in, once, on this machine. */
  readonly signInToken: string
  /** Fails with the reason when a server that the system needs has ended. */
  readonly broken: Effect.Effect<never, StartError>
}

/** Starts the system until the scope closes. Fails with a message for a person. */
export const startSystem = (
  options: SystemOptions,
): Effect.Effect<System, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const { dataDir, environment, progress } = options
    yield* checkSettings(environment, elsewhereSettings(environment))
    yield* lockDataFolder(dataDir)
    const away = yield* elsewhere(environment)
    yield* noteAddresses(dataDir, away)
    // The ports open first, so that a port in use is reported at once, and early clients are told
    // to wait.
    let doors: Handlers = startingApp("embedded")
    const entrance = yield* Scope.fork(yield* Effect.scope)
    const ports = yield* openPorts({
      public: { fetch: (...request) => doors.public.fetch(...request) },
      internal: { fetch: (...request) => doors.internal.fetch(...request) },
    }, options).pipe(Scope.provide(entrance))
    yield* progress("PostgreSQL")
    const postgres = yield* keepRunning((before) =>
      startPostgres({ dataDir, durable: true, port: before && Number(before.port) })
    )
    const databases = yield* ensureDatabases(
      postgres.url,
      withDatabase.filter(isHere(environment)),
    )
    const queue = yield* openQueue(options)
    yield* progress(serviceNames.filter(isHere(environment)).join(", "))
    const keysFolder = join(dataDir, "secrets")
    yield* Effect.tryPromise({
      try: () => generateServiceKeys(keysFolder),
      catch: (error) =>
        new StartError({
          message:
            `The services' keys in ${keysFolder} cannot be used (${(error as Error).message}): ` +
            "make it writable, or set DATA_DIR to another folder",
        }),
    })
    const firstSignIn = yield* makeFirstSignIn
    const apps = yield* startServices({
      firstSignIn,
      databases,
      keysFolder,
      queueUrl: queue.url,
      environment,
    })
    doors = { public: gateway(apps), internal: operations(apps) }
    // The ports must close first, although they were opened first.
    yield* Effect.addFinalizer((exit) => Scope.close(entrance, exit))
    return {
      ...ports,
      apps,
      elsewhere: away,
      queueUrl: queue.url,
      signInToken: firstSignIn.token,
      broken: Effect.raceFirst(postgres.lost, queue.lost),
    }
  })

const openPorts = (handlers: Handlers, options: SystemOptions) => {
  const { host, port, internalPort, keepAliveMs, maxConnections, trustProxy = false } = options
  return listenDoors(handlers, {
    public: { host, port, trustProxy },
    internal: { host: "127.0.0.1", port: internalPort },
    ...(keepAliveMs !== undefined && { keepAliveMs }),
    ...(maxConnections !== undefined && { maxConnections }),
  }).pipe(Effect.map((open) => ({ port: open.public!, internalPort: open.internal })))
}

/** The queue's address, and how it is lost if it is our own server. */
const openQueue = ({ queueUrl, dataDir, progress }: SystemOptions) =>
  Effect.gen(function* () {
    if (queueUrl !== undefined) return { url: queueUrl, lost: Effect.never }
    const program = redisOnPath()
    if (program === undefined) return { url: "memory:", lost: Effect.never }
    yield* progress("Redis")
    return yield* keepRunning((urlBefore) => startRedis({ program, dataDir, urlBefore }))
  })
