/** Auth: users, their passwords, and the tokens that prove to every service who they are. */
import { Duration, Effect, Layer } from "effect"
import { join } from "node:path"
import { addressesIn, addressSettingsOf } from "#shared/config/addresses.ts"
import { duration, url, type Values } from "#shared/config/settings.ts"
import { trustProxySetting } from "#shared/config/trust-proxy.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { privateKeySetting, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { type TokenOptions, tokenSettings } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { authApp } from "./app.ts"
import { billingLayer } from "./billing.ts"
import { loginThrottleLayer } from "./login-throttle.ts"
import { passwordsLayer } from "./passwords.ts"
import { sessionsLayer } from "./sessions.ts"
import { signingKeysLayer } from "./signing-keys.ts"
import { upkeepForEver } from "./upkeep.ts"
import { usersLayer } from "./users.ts"

export const authSettings = {
  ...databaseSettings,
  ...privateKeySetting,
  ...tokenSettings,
  ...addressSettingsOf("auth"),
  ACCESS_TOKEN_LIFETIME: duration("how long an access token is valid", "10 minutes"),
  REFRESH_TOKEN_LIFETIME: duration("how long a session lasts without a refresh", "7 days"),
  RATE_LIMIT_URL: url(
    "where failed log-ins are counted for all replicas; memory: counts in each for itself",
    ["redis", "rediss", "memory"],
    "memory:",
  ),
  ...trustProxySetting,
}
type Settings = Values<typeof authSettings>

const tokenOptions = (settings: Settings): TokenOptions => ({
  issuer: settings.TOKEN_ISSUER,
  audience: settings.TOKEN_AUDIENCE,
})

/** All that the app stands on. */
export const authLayers = (settings: Settings) => {
  const accessLifetime = settings.ACCESS_TOKEN_LIFETIME
  const refreshLifetime = settings.REFRESH_TOKEN_LIFETIME
  return sessionsLayer({ ...tokenOptions(settings), accessLifetime, refreshLifetime }).pipe(
    Layer.provideMerge(signingKeysLayer(Duration.max(accessLifetime, refreshLifetime))),
    Layer.merge(usersLayer),
    Layer.provideMerge(databaseLayer({
      service: "auth",
      url: settings.DATABASE_URL,
      poolSize: settings.DATABASE_POOL,
      migrations: join(import.meta.dirname, "migrations"),
    })),
    Layer.merge(passwordsLayer),
    Layer.merge(loginThrottleLayer(settings.RATE_LIMIT_URL)),
    Layer.merge(
      billingLayer(addressesIn("auth", settings).billing).pipe(
        Layer.provide(serviceSignerLayer("auth", settings.SERVICE_PRIVATE_KEY)),
      ),
    ),
  )
}

/** The app that the settings ask for. */
export const makeAuthApp = (settings: Settings) =>
  authApp({ ...tokenOptions(settings), trustProxy: settings.TRUST_PROXY })

export const auth = service({
  name: "auth",
  settings: authSettings,
  layers: authLayers,
  app: (settings) => Effect.andThen(Effect.forkScoped(upkeepForEver), makeAuthApp(settings)),
})
