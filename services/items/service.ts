/**
 * Items: the stock that orders are served from. A participant of the order saga with no public endpoint; its shelf is
 * prefilled once, on the first start.
 */
import { Effect, Layer } from "effect"
import { join } from "node:path"
import { whole } from "#shared/config/settings.ts"
import { makeApp } from "#shared/http/app.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { reservationsLayer } from "#shared/reservations/reservations.ts"
import { reservationRoute } from "#shared/reservations/routes.ts"
import { publicKeysSetting, serviceVerifierLayer } from "#shared/security/service-tokens.ts"
import { service } from "#shared/service/service.ts"

export const items = service({
  name: "items",
  port: 8084,
  settings: {
    ...databaseSettings,
    ...publicKeysSetting,
    ITEM_STOCK: whole("the stock of each item at the first start", {
      minimum: 0,
      maximum: 1_000_000_000,
    }, 100),
  },
  layers: (settings) =>
    reservationsLayer({
      table: "items",
      key: "id",
      balance: "stock",
      refusal: "Can not reserve the item",
    }).pipe(
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
        routes: [yield* reservationRoute],
        ready: { database: ping },
      })
    }),
})
