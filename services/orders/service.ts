/**
 * Orders: the record of every order, the decision register of the sagas, and the publisher of the
 * order queue.
 */
import { Duration, Layer } from "effect"
import { join } from "node:path"
import { duration, whole } from "#shared/config/settings.ts"
import { faultsSetting } from "#shared/faults/setting.ts"
import { databaseLayer } from "#shared/postgres/database.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { orderQueueLayer, queueSettings } from "#shared/queue/layer.ts"
import { queueWatchLayer } from "#shared/queue/queue-watch.ts"
import { pooledRandomLayer } from "#shared/security/pooled-random.ts"
import { publicKeysSetting, serviceVerifierLayer } from "#shared/security/service-tokens.ts"
import { userTokenSettings, userVerifierLayer } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { admissionLayer } from "./admission.ts"
import { ordersApp } from "./app.ts"
import { Cancellation } from "./cancellation.ts"
import { Changes } from "./changes.ts"
import { Counts } from "./counts.ts"
import { endsLayer } from "./ends.ts"
import { intakeLayer } from "./intake.ts"
import { LookUps } from "./look-ups.ts"
import { orderStoreLayer } from "./orders-sql.ts"
import { publisherLayer } from "./publisher.ts"
import { Register } from "./register.ts"
import { Search } from "./search.ts"
import { AuditedOrders } from "./audited-orders.ts"
import { sweeperLayer } from "./sweeper.ts"
import { upkeepLayer } from "./upkeep.ts"
import { Waits } from "./wait.ts"

export const orders = service({
  name: "orders",
  settings: {
    ...databaseSettings,
    ...publicKeysSetting,
    ...userTokenSettings,
    ...queueSettings,
    ...faultsSetting,
    REPUBLISH_AFTER: duration(
      "how long an order may stay unfinished until it is published again",
      "15 seconds",
    ),
    BACKLOG_LIMIT: whole("the number of unfinished orders at which new ones are refused", {
      minimum: 1,
      maximum: 10_000_000,
    }, 100_000),
    ORDERS_PER_USER: whole("the unfinished orders that a user may have", {
      minimum: 1,
      maximum: 10_000_000,
    }, 20),
    ORDERS_PER_SECOND: whole("the orders that a user may place in a second, over time", {
      minimum: 1,
      maximum: 1_000_000,
    }, 10),
  },
  layers: (settings) => {
    const republishAfterMs = Duration.toMillis(settings.REPUBLISH_AFTER)
    return Layer.mergeAll(
      intakeLayer({ republishAfterMs }).pipe(
        Layer.provideMerge(admissionLayer({
          most: settings.BACKLOG_LIMIT,
          mostOfUser: settings.ORDERS_PER_USER,
          perSecond: settings.ORDERS_PER_SECOND,
        })),
        Layer.provide(pooledRandomLayer),
      ),
      sweeperLayer({ republishAfterMs }),
      upkeepLayer(settings.RETENTION),
      Cancellation.layer.pipe(Layer.provideMerge(Register.layer)),
      queueWatchLayer,
      AuditedOrders.layer,
      Search.layer,
      Counts.layer,
      endsLayer,
    ).pipe(
      Layer.provideMerge(Waits.layer),
      Layer.provideMerge(LookUps.layer),
      Layer.provideMerge(
        Layer.mergeAll(Changes.layer, publisherLayer({ republishAfterMs }), orderStoreLayer),
      ),
      Layer.provideMerge(orderQueueLayer),
      Layer.provideMerge(databaseLayer({
        service: "orders",
        url: settings.DATABASE_URL,
        poolSize: settings.DATABASE_POOL,
        migrations: join(import.meta.dirname!, "migrations"),
      })),
      Layer.merge(serviceVerifierLayer("orders", settings.SERVICE_PUBLIC_KEYS)),
      Layer.merge(userVerifierLayer(settings)),
    )
  },
  app: ({ FAULTS }) => ordersApp(FAULTS),
})
