/**
 * Services that the embedded run does not start, but calls at their addresses: those whose
 * addresses are set, such as COURIER_URL. So a participant in another language, or one under
 * development, can be a step of the same saga.
 */
import { Effect, Option, Schema } from "effect"
import { Hono } from "hono"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { addressName, addressSetting } from "#shared/config/addresses.ts"
import {
  Environment,
  readSettings,
  type Setting,
  type SettingsError,
} from "#shared/config/settings.ts"
import { answerHeaders } from "#shared/http/answer-headers.ts"
import type { App, Doors } from "#shared/http/doors.ts"
import { exchange } from "#shared/http/client.ts"
import { callees, callsOf, roster, type ServiceName, serviceNames } from "#shared/roster.ts"

type Variables = typeof Environment["Service"]

/** Whether the environment sets a service's address. */
export const isSet = (environment: Variables, name: ServiceName): boolean =>
  ["", "_FILE"].some((end) => environment[addressName(name) + end]?.trim())

/**
 * Whether a service may be elsewhere. A service that calls others could not reach them, since they
 * have no ports here; and public paths are behind the single port of this process.
 */
export const isMovable = (name: ServiceName): boolean =>
  callees.includes(name) && callsOf(name).length === 0 && roster[name].paths.length === 0

/** Whether a service is called at its address. */
export const isElsewhere = (environment: Variables) => (name: ServiceName): boolean =>
  isMovable(name) && isSet(environment, name)

/** Whether there is a folder to start the service from. */
const hasFolder = (name: ServiceName): boolean =>
  existsSync(join(import.meta.dirname!, "../../services", name, "service.ts"))

/** Why a service is neither here nor elsewhere, and the remedy. */
export const nowhere = (name: ServiceName): string =>
  `there is no services/${name}: set ${addressName(name)} to the address of ${name}`

/** Whether a service is started in this process. */
export const isHere = (environment: Variables) => (name: ServiceName): boolean =>
  hasFolder(name) && !isElsewhere(environment)(name)

/** The addresses of the services elsewhere, by name. Fails with SettingsError. */
export const elsewhere = (
  environment: Variables,
): Effect.Effect<ReadonlyMap<ServiceName, URL>, SettingsError> => {
  const names = serviceNames.filter(isElsewhere(environment))
  return readSettings(
    Object.fromEntries(names.map((name) => [addressName(name), addressSetting(name)])),
  ).pipe(
    Effect.map((urls) => new Map(names.map((name) => [name, urls[addressName(name)]!]))),
    Effect.provideService(Environment, environment),
  )
}

/** The addresses that have to be set, and those that must not be. */
export const elsewhereSettings = (
  environment: Variables,
): Readonly<Record<string, Setting<unknown>>> =>
  Object.fromEntries(callees.flatMap((name): ReadonlyArray<readonly [string, Setting<unknown>]> => {
    const { default: _, expects, ...setting } = addressSetting(name)
    if (isSet(environment, name) && !isMovable(name)) {
      const conflict = () =>
        `${name} is started here. Only a service that has no public paths and calls no others ` +
        "can be elsewhere: remove this setting"
      return [[addressName(name), { ...setting, expects, conflict }]]
    }
    if (hasFolder(name)) return []
    return [[
      addressName(name),
      { ...setting, expects: `${expects}; or make services/${name}, so that it is started here` },
    ]]
  }))

/** How long to wait for the readiness of a service elsewhere. */
const readyMs = 2_000

const Readiness = Schema.fromJsonString(
  Schema.Struct({ checks: Schema.Record(Schema.String, Schema.String) }),
)
const decodeReadiness = Schema.decodeUnknownOption(Readiness)

/** The local doors of a service elsewhere: only its readiness. */
export const doorsElsewhere = (name: ServiceName, url: URL): Doors => {
  const ready = exchange({ name, url, timeoutMs: readyMs }, "/readyz", { method: "GET" }).pipe(
    Effect.match({
      onSuccess: ({ isSuccess, status, text }) => {
        const told = Option.getOrUndefined(decodeReadiness(text))
        const checks = told?.checks ?? { ready: isSuccess ? "ok" : `it answered ${status}` }
        return { isReady: isSuccess, checks }
      },
      onFailure: ({ message }) => ({ isReady: false, checks: { [url.href]: message } }),
    }),
  )
  const internal: App = new Hono({ strict: false })
  internal.get("/readyz", async (context) => {
    const { isReady, checks } = await Effect.runPromise(ready)
    const status = isReady ? "ready" : "not ready"
    return context.json({ status, service: name, checks }, isReady ? 200 : 503, answerHeaders)
  })
  return { public: new Hono({ strict: false }), internal }
}

const within = "unwind.internal"
const addressWithin = (name: ServiceName) => `http://${name}.${within}`

/** The service of this process with that URL. */
export const serviceWithin = (url: string): string | undefined => {
  const { hostname } = new URL(url)
  return hostname.endsWith(`.${within}`) ? hostname.slice(0, -within.length - 1) : undefined
}

/**
 * The addresses of the services in this process, by the names of their settings. They work only in
 * this process.
 */
export const addressesWithin = (environment: Variables): Readonly<Record<string, string>> => ({
  JWKS_URL: `${addressWithin("auth")}/internal/jwks.json`,
  ...Object.fromEntries(
    serviceNames.filter(isHere(environment)).map((name) => [
      addressName(name),
      addressWithin(name),
    ]),
  ),
})
