/**
 * All services in one process: the same apps, the same saga and the same SQL as in containers. They
 * call each other with the same signed requests, but in memory instead of through a socket.
 * Services elsewhere are called at their addresses.
 */
import { Effect, type Scope } from "effect"
import { CurrentFirstSignIn, type FirstSignIn } from "#services/auth/first-sign-in.ts"
import {
  Environment,
  readSettings,
  type Setting,
  type SettingsError,
} from "#shared/config/settings.ts"
import type { Doors } from "#shared/http/doors.ts"
import { Fetch } from "#shared/http/client.ts"
import { type HttpAnswer, nodeFetch } from "#shared/http/node-fetch.ts"
import { startingApp } from "#shared/http/starting.ts"
import { makeMemoryStream, ProcessMemory } from "#shared/queue/memory-stream.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { type ServiceName, serviceNames, startOrder } from "#shared/roster.ts"
import { type Service, startWithin } from "#shared/service/service.ts"
import { startedAfterCrashes } from "./after-crash.ts"
import { addressesWithin, doorsElsewhere, elsewhere, isHere, serviceWithin } from "./elsewhere.ts"

export type Apps = Readonly<Record<ServiceName, Doors>>

export interface ServicesOptions {
  /** The URLs of the databases, by the services that have one. */
  readonly databases: Readonly<Partial<Record<ServiceName, string>>>
  readonly queueUrl: string
  readonly keysFolder: string
  /** The first operator's sign-in, if a link for it is printed. */
  readonly firstSignIn?: FirstSignIn
  /** Settings of the services that the user may have set, such as ITEM_STOCK. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * The maximum number of orders that wait in memory; the sweeper publishes the others when there is
 * room.
 */
const queueCapacity = 100_000

/** Services whose settings are of any kind. */
export type AnyService = Service<Record<string, Setting<unknown>>>

/** The service of that name, from its folder. */
export const serviceNamed = (name: ServiceName): Effect.Effect<AnyService> =>
  Effect.promise(async () => (await import(`../../services/${name}/service.ts`))[name])

/**
 * Checks the services' settings, and additional ones, before anything is started. Fails with
 * SettingsError.
 */
export const checkSettings = (
  environment: ServicesOptions["environment"],
  more: Readonly<Record<string, Setting<unknown>>> = {},
): Effect.Effect<void, SettingsError> =>
  Effect.forEach(serviceNames.filter(isHere(environment)), serviceNamed).pipe(
    Effect.map((services) => Object.assign({}, ...services.map(({ settings }) => settings), more)),
    Effect.flatMap(readSettings),
    Effect.provideService(Environment, {
      ...environment,
      ...addressesWithin(environment),
      // Known only once the servers run, and then valid.
      DATABASE_URL: "postgres://unwind.internal",
      QUEUE_URL: environment["QUEUE_URL"]?.trim() || "memory:",
      SERVICE_PRIVATE_KEY: "made at the start",
      SERVICE_PUBLIC_KEYS: "made at the start",
      SIGNING_KEYS_SECRET: Buffer.alloc(32).toString("base64url"),
    }),
  )

/**
 * Passes requests to the internal doors of running services, and sends the others to services
 * elsewhere.
 */
export const wiredTo =
  (apps: Partial<Record<ServiceName, Doors>>) =>
  (url: string, init: RequestInit): Promise<HttpAnswer> => {
    const name = serviceWithin(url)
    if (name === undefined) return nodeFetch(url, init)
    const app = apps[name as ServiceName]
    return app === undefined
      ? Promise.reject(new TypeError(`connection refused: ${name} is not up`))
      : Promise.resolve(app.internal.fetch(new Request(url, init))).then(unlessCutOff)
  }

/** A network error (Response.error()) is not an answer. */
const unlessCutOff = (response: Response): Response => {
  if (response.status === 0) throw new TypeError("the connection was cut")
  return response
}

/**
 * Starts all services of this process until the scope closes, callees before their callers.
 */
export const startServices = (
  options: ServicesOptions,
): Effect.Effect<Apps, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const apps: Partial<Record<ServiceName, Doors>> = {}
    for (const [name, url] of yield* elsewhere(options.environment)) {
      apps[name] = doorsElsewhere(name, url)
    }
    return yield* startInto(apps, options).pipe(
      Effect.as(apps as Apps),
      Effect.provideService(Fetch, wiredTo(apps)),
      Effect.provideService(CurrentFirstSignIn, options.firstSignIn),
      Effect.provideService(ProcessMemory, makeMemoryStream(queueCapacity)),
    )
  })

const startInto = (
  apps: Partial<Record<ServiceName, Doors>>,
  { databases, queueUrl, keysFolder, environment }: ServicesOptions,
) => {
  const { privateKey, publicKeys, signingKeysSecret } = keyFiles(keysFolder)
  const start = Effect.fnUntraced(function* (name: ServiceName) {
    const service = yield* serviceNamed(name)
    const starting = startWithin(service, {
      ...environment,
      ...addressesWithin(environment),
      DATABASE_URL: databases[name],
      QUEUE_URL: queueUrl,
      SERVICE_PRIVATE_KEY: privateKey(name),
      SERVICE_PUBLIC_KEYS: publicKeys,
      SIGNING_KEYS_SECRET: undefined,
      SIGNING_KEYS_SECRET_FILE: signingKeysSecret,
    })
    yield* startedAfterCrashes(starting, (doors = startingApp(name)) => void (apps[name] = doors))
  })
  return Effect.forEach(
    startOrder,
    (group) =>
      Effect.forEach(group.filter(isHere(environment)), start, {
        concurrency: "unbounded",
        discard: true,
      }),
    { discard: true },
  )
}
