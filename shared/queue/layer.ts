/**
 * The order queue of a service, chosen by the scheme of QUEUE_URL.
 */
import { hostname } from "node:os"
import { Context, Duration, Effect, Layer, Redacted, Schema } from "effect"
import { retentionSetting } from "#shared/config/retention.ts"
import {
  duration,
  Environment,
  optional,
  readSettings,
  SettingsError,
  text,
  url,
} from "#shared/config/settings.ts"
import { ProcessMemory } from "./memory-stream.ts"
import { memoryOrderQueue } from "./memory.ts"
import { OrderQueue } from "./order-queue.ts"
import { QueueDesk } from "./queue-desk.ts"
import { redisOrderQueue } from "./redis-streams.ts"
import { Replicas } from "./replicas.ts"
import type { QueueParts } from "./streams.ts"
import { upstashOrderQueue } from "./upstash-streams.ts"

const claimAfter = duration(
  'how long a consumer may be silent before others take over its orders, at least "100 millis"',
  "15 seconds",
)

/** The settings of a service that uses the order queue. */
export const queueSettings = {
  QUEUE_URL: url("the order queue", ["redis", "rediss", "https", "http", "memory"]),
  /** Needed with https: and http: only. */
  QUEUE_TOKEN: optional(text("the token of the REST API at QUEUE_URL")),
  QUEUE_STREAM: text("the name of the stream of orders", "orders"),
  QUEUE_GROUP: text("the name of the consumer group", "orchestrators"),
  /** By default the host and INTERNAL_PORT, so that it is the same after a restart. */
  CONSUMER_NAME: optional(text("the name of this consumer, the same after a restart")),
  CLAIM_AFTER: {
    ...claimAfter,
    schema: claimAfter.schema.check(
      Schema.makeFilter((value) => Duration.isFinite(value) && Duration.toMillis(value) >= 100),
    ),
  },
  ...retentionSetting,
}

const forgetAfter = Duration.hours(1)

/**
 * The order queue that the environment names, with its desk and its replicas. Fails with
 * SettingsError. The server need not be reachable yet.
 */
export const orderQueueLayer: Layer.Layer<OrderQueue | QueueDesk | Replicas, SettingsError> = Layer
  .effectContext(Effect.gen(function* () {
    const { QUEUE_URL, QUEUE_TOKEN, ...settings } = yield* readSettings(queueSettings)
    const { INTERNAL_PORT } = yield* Environment
    const options = {
      stream: settings.QUEUE_STREAM,
      group: settings.QUEUE_GROUP,
      consumer: settings.CONSUMER_NAME ?? [hostname(), INTERNAL_PORT].filter(Boolean).join("-"),
      claimAfter: settings.CLAIM_AFTER,
      forgetAfter,
      deadLettersFor: settings.RETENTION,
    }
    switch (QUEUE_URL.protocol) {
      case "memory:":
        return partsOf(yield* memoryOrderQueue(yield* ProcessMemory))
      case "redis:":
      case "rediss:":
        return partsOf(yield* redisOrderQueue(QUEUE_URL, options))
      default:
        if (QUEUE_TOKEN === undefined) {
          return yield* new SettingsError({
            message: "One setting is missing or invalid (see .env.example):\n" +
              `  QUEUE_TOKEN is missing: set it to ${queueSettings.QUEUE_TOKEN.expects}`,
          })
        }
        return partsOf(yield* upstashOrderQueue(QUEUE_URL, Redacted.make(QUEUE_TOKEN), options))
    }
  }))

const partsOf = ({ replicas, ...queue }: QueueParts) =>
  Context.empty().pipe(
    Context.add(OrderQueue, queue),
    Context.add(QueueDesk, queue),
    Context.add(Replicas, replicas),
  )
