/**
 * The orchestrator: runs the sagas. It has no database; what it needs is on record with the other
 * services.
 */
import { Duration, Effect, Layer } from "effect"
import { duration, whole } from "#shared/config/settings.ts"
import { faultsSetting } from "#shared/faults/setting.ts"
import { makeApp } from "#shared/http/app.ts"
import { orderQueueLayer, queueSettings } from "#shared/queue/layer.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"
import { queueWatchLayer } from "#shared/queue/queue-watch.ts"
import {
  privateKeySetting,
  publicKeysSetting,
  serviceSignerLayer,
  serviceVerifierLayer,
} from "#shared/security/service-tokens.ts"
import { userTokenSettings, userVerifierLayer } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { AllSagas } from "./all-sagas.ts"
import { auditLayer } from "./audit/audit.ts"
import { Healing } from "./audit/healing.ts"
import { LastAudit } from "./audit/last-audit.ts"
import { recordsLayer } from "./audit/records.ts"
import { watchLayer } from "./audit/watch.ts"
import { Callees } from "./callees.ts"
import { consumerLayer } from "./consumer.ts"
import { faultRoutes } from "./fault-routes.ts"
import { operatorRoutes } from "./operator-routes.ts"
import { participantsLayer } from "./participants.ts"
import { decisionClientLayer } from "./decision-client.ts"
import { retentionLayer } from "./retention.ts"
import { addressSettings, deadlineSetting, urlsOf } from "./settings.ts"

/**
 * Together with a compensation's call that was just sent (CALL_TIMEOUT), this is less than the ten
 * seconds that a process has to stop.
 */
const drainMs = 4_000

export const orchestrator = service({
  name: "orchestrator",
  settings: {
    ...privateKeySetting,
    ...publicKeysSetting,
    ...userTokenSettings,
    ...queueSettings,
    ...addressSettings,
    ...deadlineSetting,
    ...faultsSetting,
    CALL_TIMEOUT: duration("how long to wait for an answer of another service", "5 seconds"),
    SAGAS_IN_FLIGHT: whole(
      "the most sagas to run at once",
      { minimum: 1, maximum: 100_000 },
      5_000,
    ),
    AUDIT_EVERY: duration("how often the newest orders are audited", "30 seconds"),
  },
  layers: (settings) => {
    const timeoutMs = Duration.toMillis(settings.CALL_TIMEOUT)
    const urls = urlsOf(settings)
    const sagas = consumerLayer({
      deadlineMs: Duration.toMillis(settings.ORDER_DEADLINE),
      sagasInFlight: settings.SAGAS_IN_FLIGHT,
      drainMs,
    }).pipe(
      Layer.provide([
        participantsLayer({ urls, timeoutMs }),
        decisionClientLayer({ url: urls.orders, timeoutMs }),
      ]),
      Layer.provideMerge(Callees.layer),
    )
    const shown = AllSagas.layer.pipe(Layer.provideMerge(sagas))
    const audit = Layer.mergeAll(
      watchLayer({ every: settings.AUDIT_EVERY }),
      Healing.layer,
      retentionLayer({ urls, retention: settings.RETENTION, deadline: settings.ORDER_DEADLINE }),
    ).pipe(
      Layer.provideMerge(LastAudit.layer),
      Layer.provide(auditLayer({ deadline: settings.ORDER_DEADLINE })),
      Layer.provide(recordsLayer(urls)),
    )
    return Layer.mergeAll(shown, audit, queueWatchLayer).pipe(
      Layer.provide(serviceSignerLayer("orchestrator", settings.SERVICE_PRIVATE_KEY)),
      Layer.provideMerge(orderQueueLayer),
      Layer.merge(serviceVerifierLayer("orchestrator", settings.SERVICE_PUBLIC_KEYS)),
      Layer.merge(userVerifierLayer(settings)),
    )
  },
  app: ({ FAULTS }) =>
    Effect.gen(function* () {
      const { ping } = yield* OrderQueue
      const { configured } = yield* Callees
      return yield* makeApp({
        name: "orchestrator",
        description: "Runs the sagas of orders, and shows operators where they are.",
        routes: [...(yield* operatorRoutes), ...(FAULTS ? yield* faultRoutes : [])],
        ready: { queue: ping, services: configured },
      })
    }),
})
