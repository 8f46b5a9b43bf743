/**
 * The orders service as the audit of a data folder starts it: it only serves records. It takes,
 * publishes and sweeps nothing, so it does not interfere with an orders service that runs.
 */
import { Effect, Layer } from "effect"
import { join } from "node:path"
import { makeApp } from "#shared/http/app.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { publicKeysSetting, serviceVerifierLayer } from "#shared/security/service-tokens.ts"
import { service } from "#shared/service/service.ts"
import { orderAuditRoutes } from "./audit-routes.ts"
import { AuditedOrders } from "./audited-orders.ts"

export const orderRecords = service({
  name: "orders",
  settings: { ...databaseSettings, ...publicKeysSetting },
  layers: (settings) =>
    AuditedOrders.layer.pipe(
      Layer.provideMerge(databaseLayer({
        service: "orders",
        url: settings.DATABASE_URL,
        poolSize: settings.DATABASE_POOL,
        migrations: join(import.meta.dirname!, "migrations"),
      })),
      Layer.merge(serviceVerifierLayer("orders", settings.SERVICE_PUBLIC_KEYS)),
    ),
  app: () =>
    Effect.gen(function* () {
      const { ping } = yield* Database
      return yield* makeApp({
        name: "orders",
        description: "What is on record of orders.",
        routes: yield* orderAuditRoutes,
        ready: { database: ping },
      })
    }),
})
