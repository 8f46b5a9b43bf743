/**
 * All services in one process, on real databases. Each can be called directly, as an intruder in
 * its network could.
 */
import { Effect, References, type Scope } from "effect"
import createClient from "postgres"
import { addressesWithin } from "#compose/embedded/elsewhere.ts"
import { type Apps, startServices, wiredTo } from "#compose/embedded/services.ts"
import { auth } from "#services/auth/service.ts"
import { Fetch } from "#shared/http/client.ts"
import { withoutSlash } from "#shared/http/route.ts"
import { type ServiceName, serviceNames, withDatabase } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { startWithin } from "#shared/service/service.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { newDatabase, temporaryFolder } from "#tests/shared/postgres/open-database.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"

export interface Pair {
  readonly access: string
  readonly refresh: string
}

export interface Customer extends Pair {
  readonly username: string
  /** Logs in once more. */
  readonly logIn: () => Promise<Pair>
}

export interface Services {
  readonly apps: Apps
  readonly keysFolder: string
  /** The databases of the services that have one. */
  readonly databases: Readonly<Partial<Record<ServiceName, string>>>
  /** Sends a request to a service directly. */
  readonly send: (service: ServiceName, path: string, init?: RequestInit) => Promise<Response>
  /** Signs up a user and logs in. */
  readonly customer: () => Promise<Customer>
  /** Signs up a user, makes it an operator, and logs in. */
  readonly operator: () => Promise<Customer>
  /** Logs in at an auth whose access tokens expire after a second. */
  readonly shortLived: () => Promise<Customer>
}

/** As `npm run operators` does it. */
const grantIn = async (url: string, username: string) => {
  const sql = createClient(url, { max: 1 })
  await sql`update users set operator_since = now() where username = ${username}`
  await sql.end()
}

const credentials = () => {
  const username = `user-${crypto.randomUUID()}`
  return { username, password: crypto.randomUUID(), email: `${username}@example.com` }
}

const posted = async (app: Apps["auth"], path: string, body: object): Promise<unknown> => {
  // From an address of its own: others' failed log-ins must not count here.
  const place = [1, 2, 3].map(() => Math.floor(Math.random() * 256)).join(".")
  const headers = { "content-type": "application/json", "x-forwarded-for": `10.${place}` }
  const answer = await app.public.request(path, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return await answer.json()
}

/** Starts all services until the scope closes, with more settings. */
export const startRunningServicesWith = (
  more: Readonly<Record<string, string>>,
): Effect.Effect<Services, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const keysFolder = yield* temporaryFolder
    yield* Effect.promise(() => generateServiceKeys(keysFolder))
    const databases: Partial<Record<ServiceName, string>> = {}
    for (const name of withDatabase) databases[name] = yield* newDatabase
    const environment = {
      ...plentyOfOrders,
      TRUST_PROXY: "true",
      ITEM_STOCK: "1000000",
      SLOT_CAPACITY: "1000000",
      ...more,
    }
    const apps = yield* startServices({ databases, queueUrl: "memory:", keysFolder, environment })
    const keys = keyFiles(keysFolder)
    const hurried = yield* startWithin(auth, {
      ...addressesWithin({}),
      TRUST_PROXY: "true",
      DATABASE_URL: databases.auth,
      SERVICE_PRIVATE_KEY: keys.privateKey("auth"),
      SERVICE_PUBLIC_KEYS: keys.publicKeys,
      SIGNING_KEYS_SECRET_FILE: keys.signingKeysSecret,
      ACCESS_TOKEN_LIFETIME: "1 second",
    }).pipe(Effect.provideService(Fetch, wiredTo(apps)))
    const customerAt = (
      app: Apps["auth"],
      prepare: (username: string) => Promise<void> = async () => {},
    ) =>
    async () => {
      const { email, ...user } = credentials()
      await posted(apps.auth, "/api/auth/users/", { ...user, email })
      await prepare(user.username)
      const logIn = async () => await posted(app, "/api/token/", user) as Pair
      return { username: user.username, logIn, ...(await logIn()) }
    }
    return {
      apps,
      keysFolder,
      databases,
      send: (service: ServiceName, path: string, init?: RequestInit) =>
        Promise.resolve(oneDoor(apps[service]).request(path, init)),
      customer: customerAt(apps.auth),
      operator: customerAt(apps.auth, (username) => grantIn(databases.auth!, username)),
      shortLived: customerAt(hurried),
    }
  }).pipe(
    // The tests' wrong requests cause warnings.
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

export const startRunningServices = startRunningServicesWith({})

/** Paths that any service answers besides its routes, to every caller. */
const operations =
  /^\/(?:livez|readyz|metrics|openapi\.json|openapi\/\w+\.json|docs.*|console(?:\/.*)?)?$/

/** A route in the app of a service: everything that can be called, wherever it was added. */
export interface Served {
  readonly service: ServiceName
  readonly method: string
  /** Without a slash at the end. */
  readonly path: string
}

/** All routes of all services, except those for operations. */
export const servedBy = (apps: Apps): ReadonlyArray<Served> =>
  serviceNames.flatMap((service) => {
    const { internal, public: open } = apps[service]
    const served = [...open.routes, ...internal.routes].map(({ method, path }) => ({
      service,
      method,
      path: withoutSlash(path),
    })).filter(({ path }) => !operations.test(path))
    // A route behind both doors counts once.
    return [...new Map(served.map((route) => [`${route.method} ${route.path}`, route])).values()]
  })
