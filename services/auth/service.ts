/** Auth: users, their passwords, and the tokens that prove to every service who they are. */
import { Duration, Effect, Layer } from "effect"
import { join } from "node:path"
import { addressesIn, addressSettingsOf } from "#shared/config/addresses.ts"
import { duration, url, type Values, whole } from "#shared/config/settings.ts"
import { trustProxySetting } from "#shared/config/trust-proxy.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import {
  privateKeySetting,
  publicKeysSetting,
  serviceSignerLayer,
  serviceVerifierLayer,
} from "#shared/security/service-tokens.ts"
import { type TokenOptions, tokenSettings } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { authApp } from "./app.ts"
import { auditTrailLayer } from "./audit-trail.ts"
import { billingLayer } from "./billing.ts"
import { deviceLifetime, devicesLayer } from "./devices.ts"
import { signingKeysSecret } from "./key-wrapping.ts"
import { loginThrottleLayer } from "./login-throttle.ts"
import { ordersLayer } from "./orders.ts"
import { passwordsLayer } from "./passwords.ts"
import { rateLimitsLayer } from "./rate-limit.ts"
import type { Lifetimes } from "./session-rules.ts"
import { sessionTokensLayer } from "./session-tokens.ts"
import { sessionsLayer } from "./sessions.ts"
import { signUpLimitLayer } from "./sign-up-limit.ts"
import { signingKeysLayer } from "./signing-keys.ts"
import { turnsLayer } from "./turns.ts"
import { upkeepForEver } from "./upkeep.ts"
import { usersLayer } from "./users.ts"

export const authSettings = {
  ...databaseSettings,
  ...privateKeySetting,
  ...publicKeysSetting,
  ...signingKeysSecret,
  ...tokenSettings,
  ...addressSettingsOf("auth"),
  ACCESS_TOKEN_LIFETIME: duration("how long an access token is valid", "10 minutes"),
  REFRESH_TOKEN_LIFETIME: duration("how long a session lasts without a refresh", "7 days"),
  SESSION_LIFETIME: duration(
    "how long a session lasts at most, however often it is refreshed",
    "30 days",
  ),
  SESSIONS_PER_USER: whole(
    "the most sessions of one user; one more ends the least recently used one",
    { minimum: 1, maximum: 1_000 },
    20,
  ),
  AUDIT_TRAIL_RETENTION: duration("how long the audit trail is kept", "90 days"),
  RATE_LIMIT_URL: url(
    "where log-ins and sign-ups are counted for all replicas; with memory: each counts for itself",
    ["redis", "rediss", "memory"],
    "memory:",
  ),
  SIGN_UPS_PER_ADDRESS: whole(
    "how many sign-ups may be tried from one address in an hour",
    { minimum: 2, maximum: 1_000_000 },
    500,
  ),
  SIGN_UPS_IN_ALL: whole(
    "how many sign-ups may be tried from all addresses in an hour",
    { minimum: 2, maximum: 1_000_000 },
    5_000,
  ),
  ...trustProxySetting,
}
type Settings = Values<typeof authSettings>

const tokenOptions = (settings: Settings): TokenOptions => ({
  issuer: settings.TOKEN_ISSUER,
  audience: settings.TOKEN_AUDIENCE,
})

const lifetimesOf = (settings: Settings): Lifetimes => ({
  accessMs: Duration.toMillis(settings.ACCESS_TOKEN_LIFETIME),
  idleMs: Duration.toMillis(settings.REFRESH_TOKEN_LIFETIME),
  longestMs: Duration.toMillis(settings.SESSION_LIFETIME),
})

/** All that the app needs. */
export const authLayers = (settings: Settings) => {
  const lifetimes = lifetimesOf(settings)
  const accessLifetime = settings.ACCESS_TOKEN_LIFETIME
  const longest = [accessLifetime, settings.REFRESH_TOKEN_LIFETIME, deviceLifetime]
    .reduce(Duration.max)
  const callees = addressesIn("auth", settings)
  return sessionsLayer({ ...lifetimes, mostPerUser: settings.SESSIONS_PER_USER }).pipe(
    Layer.provideMerge(sessionTokensLayer(tokenOptions(settings), lifetimes)),
    Layer.merge(devicesLayer(tokenOptions(settings))),
    Layer.provideMerge(signingKeysLayer({
      longest,
      accessLifetime,
      secret: settings.SIGNING_KEYS_SECRET,
    })),
    Layer.merge(usersLayer),
    Layer.provideMerge(auditTrailLayer(settings.AUDIT_TRAIL_RETENTION)),
    Layer.provideMerge(databaseLayer({
      service: "auth",
      url: settings.DATABASE_URL,
      poolSize: settings.DATABASE_POOL,
      migrations: join(import.meta.dirname!, "migrations"),
    })),
    Layer.merge(passwordsLayer),
    Layer.merge(turnsLayer),
    Layer.merge(
      Layer.merge(
        loginThrottleLayer,
        signUpLimitLayer({
          perAddress: settings.SIGN_UPS_PER_ADDRESS,
          inAll: settings.SIGN_UPS_IN_ALL,
        }),
      ).pipe(Layer.provide(rateLimitsLayer(settings.RATE_LIMIT_URL))),
    ),
    Layer.merge(
      Layer.merge(billingLayer(callees.billing), ordersLayer(callees.orders)).pipe(
        Layer.provide(serviceSignerLayer("auth", settings.SERVICE_PRIVATE_KEY)),
      ),
    ),
    Layer.merge(serviceVerifierLayer("auth", settings.SERVICE_PUBLIC_KEYS)),
  )
}

/** The app with these settings. */
export const makeAuthApp = (settings: Settings) =>
  authApp({
    ...tokenOptions(settings),
    ...lifetimesOf(settings),
    trustProxy: settings.TRUST_PROXY,
  })

export const auth = service({
  name: "auth",
  settings: authSettings,
  layers: authLayers,
  app: (settings) => Effect.andThen(Effect.forkScoped(upkeepForEver), makeAuthApp(settings)),
})
