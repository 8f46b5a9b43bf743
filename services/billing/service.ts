/** Billing: accounts with wallets. A participant of the order saga: what it reserves is money. */
import { Layer } from "effect"
import { join } from "node:path"
import { retentionSetting } from "#shared/config/retention.ts"
import { whole } from "#shared/config/settings.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { booksLayer } from "#shared/reservations/books.ts"
import { retentionLayer } from "#shared/reservations/forget.ts"
import { reservationsLayer } from "#shared/reservations/reservations.ts"
import { reservationStoreLayer } from "#shared/reservations/reservations-sql.ts"
import { publicKeysSetting, serviceVerifierLayer } from "#shared/security/service-tokens.ts"
import { userTokenSettings, userVerifierLayer } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { accountsLayer } from "./accounts.ts"
import { billingApp } from "./app.ts"

const resources = { table: "accounts", key: "username", balance: "wallet" }

export const billing = service({
  name: "billing",
  port: 8082,
  settings: {
    ...databaseSettings,
    ...publicKeysSetting,
    ...retentionSetting,
    ...userTokenSettings,
    OPENING_WALLET_MINOR: whole("the minor units in the wallet of a new account", {
      minimum: 0,
      maximum: 1_000_000_000_00,
    }, 100_00),
  },
  layers: (settings) =>
    Layer.mergeAll(
      accountsLayer(settings.OPENING_WALLET_MINOR),
      reservationsLayer("Not enough money", settings.RETENTION).pipe(
        Layer.provide(
          reservationStoreLayer(resources),
        ),
      ),
      booksLayer(resources),
      retentionLayer(resources, settings.RETENTION),
    ).pipe(
      Layer.provideMerge(databaseLayer({
        service: "billing",
        url: settings.DATABASE_URL,
        poolSize: settings.DATABASE_POOL,
        migrations: join(import.meta.dirname, "migrations"),
      })),
      Layer.merge(serviceVerifierLayer("billing", settings.SERVICE_PUBLIC_KEYS)),
      Layer.merge(userVerifierLayer({
        issuer: settings.TOKEN_ISSUER,
        audience: settings.TOKEN_AUDIENCE,
        jwksUrl: settings.JWKS_URL,
      })),
    ),
  app: () => billingApp,
})
