/**
 * Items: the stock that orders are served from. A participant of the order saga with no public endpoint; its shelf is
 * prefilled once, on the first start.
 */
import { Effect, Layer } from "effect"
import { join } from "node:path"
import { retentionSetting } from "#shared/config/retention.ts"
import { whole } from "#shared/config/settings.ts"
import { makeApp } from "#shared/http/app.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { auditRoutes } from "#shared/reservations/audit-routes.ts"
import { booksLayer } from "#shared/reservations/books.ts"
import { retentionLayer } from "#shared/reservations/forget.ts"
import { forgetRoutes } from "#shared/reservations/forget-routes.ts"
import { reservationsLayer } from "#shared/reservations/reservations.ts"
import { reservationStoreLayer } from "#shared/reservations/reservations-sql.ts"
import { reservationRoute } from "#shared/reservations/routes.ts"
import { publicKeysSetting, serviceVerifierLayer } from "#shared/security/service-tokens.ts"
import { service } from "#shared/service/service.ts"

const resources = { table: "items", key: "id", balance: "stock" }

export const items = service({
  name: "items",
  port: 8084,
  settings: {
    ...databaseSettings,
    ...publicKeysSetting,
    ...retentionSetting,
    ITEM_STOCK: whole("the stock of each item at the first start", {
      minimum: 0,
      maximum: 1_000_000_000,
    }, 100),
  },
  layers: (settings) =>
    reservationsLayer("Can not reserve the item", settings.RETENTION).pipe(
      Layer.provide(reservationStoreLayer(resources)),
      Layer.merge(booksLayer(resources)),
      Layer.merge(retentionLayer(resources, settings.RETENTION)),
      Layer.provideMerge(databaseLayer({
        service: "items",
        url: settings.DATABASE_URL,
        poolSize: settings.DATABASE_POOL,
        migrations: join(import.meta.dirname, "migrations"),
      })),
      Layer.merge(serviceVerifierLayer("items", settings.SERVICE_PUBLIC_KEYS)),
    ),
  app: (settings) =>
    Effect.gen(function* () {
      const { query, ping } = yield* Database
      yield* query((sql) =>
        sql`
          insert into items (id, name, stock)
          select n, 'Item' || n - 1, ${settings.ITEM_STOCK} from generate_series(1, 10) n
          where not exists (select from items)
          on conflict do nothing`
      )
      return yield* makeApp({
        name: "items",
        description: "Item stock, reserved and given back by the orchestrator.",
        routes: [yield* reservationRoute, ...(yield* auditRoutes), ...(yield* forgetRoutes)],
        ready: { database: ping },
      })
    }),
})
