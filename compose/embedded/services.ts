/**
 * All services in one process: the same apps, the same saga and the same SQL as in containers. They call each other by
 * the same signed requests, only that these are handed over in memory instead of through a socket.
 */
import { Effect, type Scope } from "effect"
import { auth } from "#services/auth/service.ts"
import { billing } from "#services/billing/service.ts"
import { items } from "#services/items/service.ts"
import { orchestrator } from "#services/orchestrator/service.ts"
import { orders } from "#services/orders/service.ts"
import { slots } from "#services/slots/service.ts"
import { Environment, readSettings, type SettingsError } from "#shared/config/settings.ts"
import type { App } from "#shared/http/app.ts"
import { Fetch } from "#shared/http/client.ts"
import { makeMemoryStream, ProcessMemory } from "#shared/queue/memory.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import type { ServiceName } from "#shared/roster.ts"
import { startWithin } from "#shared/service/service.ts"

export type Apps = Readonly<Record<ServiceName, App>>

export interface ServicesOptions {
  readonly databases: Readonly<Record<Exclude<ServiceName, "orchestrator">, string>>
  readonly queueUrl: string
  readonly keysFolder: string
  /** Settings of the services that a person may have set, such as ITEM_STOCK. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The most orders that wait in memory; the sweeper brings the others when there is room. */
const queueCapacity = 100_000

// Names that only the wiring below understands; nothing leaves the process.
const address = (name: ServiceName) => `http://${name}.unwind.internal`

export const addresses = {
  JWKS_URL: `${address("auth")}/.well-known/jwks.json`,
  BILLING_URL: address("billing"),
  ITEMS_URL: address("items"),
  SLOTS_URL: address("slots"),
  ORDERS_URL: address("orders"),
}

/** Reads what a person has set for the services, before anything is started. Fails with SettingsError. */
export const checkSettings = (
  environment: ServicesOptions["environment"],
): Effect.Effect<void, SettingsError> =>
  readSettings({
    ...auth.settings,
    ...billing.settings,
    ...items.settings,
    ...slots.settings,
    ...orders.settings,
    ...orchestrator.settings,
  }).pipe(
    Effect.provideService(Environment, {
      ...environment,
      ...addresses,
      // Known only once the servers run, and then right.
      DATABASE_URL: "postgres://unwind.internal",
      QUEUE_URL: "memory:",
      SERVICE_PRIVATE_KEY: "made at the start",
      SERVICE_PUBLIC_KEYS: "made at the start",
    }),
  )

/** Hands requests to the apps, those that are up by then. */
export const wiredTo =
  (apps: Partial<Record<ServiceName, App>>) =>
  (url: string, init: RequestInit): Promise<Response> => {
    const name = new URL(url).hostname.split(".")[0] as ServiceName
    const app = apps[name]
    return app === undefined
      ? Promise.reject(new TypeError(`connection refused: ${name} is not up`))
      : Promise.resolve(app.fetch(new Request(url, init)))
  }

/** Starts all services until the scope closes, those that are called before their callers. */
export const startServices = (
  options: ServicesOptions,
): Effect.Effect<Apps, { readonly message: string }, Scope.Scope> =>
  Effect.suspend(() => {
    const apps: Partial<Record<ServiceName, App>> = {}
    return startInto(apps, options).pipe(
      Effect.provideService(Fetch, wiredTo(apps)),
      Effect.provideService(ProcessMemory, makeMemoryStream(queueCapacity)),
    )
  })

const startInto = (
  apps: Partial<Record<ServiceName, App>>,
  { databases, queueUrl, keysFolder, environment }: ServicesOptions,
) =>
  Effect.gen(function* () {
    const { privateKey, publicKeys } = keyFiles(keysFolder)
    const settingsOf = (name: ServiceName) => ({
      ...environment,
      ...addresses,
      DATABASE_URL: name === "orchestrator" ? undefined : databases[name],
      QUEUE_URL: queueUrl,
      SERVICE_PRIVATE_KEY: privateKey(name),
      SERVICE_PUBLIC_KEYS: publicKeys,
    })
    const independent = yield* Effect.all({
      billing: startWithin(billing, settingsOf("billing")),
      items: startWithin(items, settingsOf("items")),
      slots: startWithin(slots, settingsOf("slots")),
      auth: startWithin(auth, settingsOf("auth")),
    }, { concurrency: "unbounded" })
    Object.assign(apps, independent)
    const ordersApp = apps.orders = yield* startWithin(orders, settingsOf("orders"))
    const orchestratorApp = yield* startWithin(orchestrator, settingsOf("orchestrator"))
    return { ...independent, orders: ordersApp, orchestrator: orchestratorApp }
  })
