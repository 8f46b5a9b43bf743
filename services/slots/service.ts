/**
 * Slots: how many deliveries fit into each hour. A participant of the order saga with no public endpoint; its calendar
 * is prefilled once, on the first start.
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

const resources = { table: "slots", key: "time", balance: "capacity" }

export const slots = service({
  name: "slots",
  port: 8085,
  settings: {
    ...databaseSettings,
    ...publicKeysSetting,
    ...retentionSetting,
    SLOT_CAPACITY: whole("the capacity of each slot at the first start", {
      minimum: 0,
      maximum: 1_000_000_000,
    }, 100),
  },
  layers: (settings) =>
    reservationsLayer("Can not get the delivery slot", settings.RETENTION).pipe(
      Layer.provide(reservationStoreLayer(resources)),
      Layer.merge(booksLayer(resources)),
      Layer.merge(retentionLayer(resources, settings.RETENTION)),
      Layer.provideMerge(databaseLayer({
        service: "slots",
        url: settings.DATABASE_URL,
        poolSize: settings.DATABASE_POOL,
        migrations: join(import.meta.dirname, "migrations"),
      })),
      Layer.merge(serviceVerifierLayer("slots", settings.SERVICE_PUBLIC_KEYS)),
    ),
  app: (settings) =>
    Effect.gen(function* () {
      const { query, ping } = yield* Database
      yield* query((sql) =>
        sql`
          insert into slots (time, capacity)
          select to_char(n, 'FM00') || ':00', ${settings.SLOT_CAPACITY} from generate_series(0, 9) n
          where not exists (select from slots)
          on conflict do nothing`
      )
      return yield* makeApp({
        name: "slots",
        description: "Delivery slots, reserved and given back by the orchestrator.",
        routes: [yield* reservationRoute, ...(yield* auditRoutes), ...(yield* forgetRoutes)],
        ready: { database: ping },
      })
    }),
})
