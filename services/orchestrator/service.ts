/** The orchestrator: runs the sagas. It has no database; what it needs to know is on record with the others. */
import { Duration, Effect, Layer } from "effect"
import { duration, url, whole } from "#shared/config/settings.ts"
import { makeApp } from "#shared/http/app.ts"
import { orderQueueLayer, queueSettings } from "#shared/queue/layer.ts"
import { OrderQueue } from "#shared/queue/order-queue.ts"
import { privateKeySetting, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { service } from "#shared/service/service.ts"
import { consumerLayer } from "./consumer.ts"
import { participantsLayer } from "./participants.ts"
import { registerLayer } from "./register.ts"
import { sagaRunnerLayer } from "./saga-runner.ts"

const serviceUrl = (name: string) =>
  url(`the address of ${name}, such as http://${name}:8080`, ["http", "https"])

/** With a compensation's call that was just sent (CALL_TIMEOUT), less than the ten seconds that a process has to stop. */
const drainMs = 4_000

export const orchestrator = service({
  name: "orchestrator",
  port: 8086,
  settings: {
    ...privateKeySetting,
    ...queueSettings,
    BILLING_URL: serviceUrl("billing"),
    ITEMS_URL: serviceUrl("items"),
    SLOTS_URL: serviceUrl("slots"),
    ORDERS_URL: serviceUrl("orders"),
    ORDER_DEADLINE: duration(
      "how long after its creation an undecided order is aborted",
      "2 minutes",
    ),
    CALL_TIMEOUT: duration("how long to wait for an answer of another service", "5 seconds"),
    SAGAS_IN_FLIGHT: whole(
      "the most sagas to run at once",
      { minimum: 1, maximum: 100_000 },
      2_000,
    ),
  },
  layers: (settings) => {
    const timeoutMs = Duration.toMillis(settings.CALL_TIMEOUT)
    return consumerLayer({ sagasInFlight: settings.SAGAS_IN_FLIGHT, drainMs }).pipe(
      Layer.provide(sagaRunnerLayer({ deadlineMs: Duration.toMillis(settings.ORDER_DEADLINE) })),
      Layer.provide([
        participantsLayer({
          urls: {
            billing: settings.BILLING_URL,
            items: settings.ITEMS_URL,
            slots: settings.SLOTS_URL,
          },
          timeoutMs,
        }),
        registerLayer({ url: settings.ORDERS_URL, timeoutMs }),
      ]),
      Layer.provide(serviceSignerLayer("orchestrator", settings.SERVICE_PRIVATE_KEY)),
      Layer.provideMerge(orderQueueLayer),
    )
  },
  app: () =>
    Effect.flatMap(OrderQueue, (queue) =>
      makeApp({
        name: "orchestrator",
        description: "Runs the sagas of orders. It has no routes of its own.",
        routes: [],
        ready: { queue: queue.ping },
      })),
})
