/** The settings of the embedded run itself; those of the services may be set beside them. */
import { optional, text, url } from "#shared/config/settings.ts"
import { commonSettings } from "#shared/service/service.ts"

const common = commonSettings(8080)

export const embeddedSettings = {
  ...common,
  // A person sits in front of this one, on the machine that it runs on.
  HOST: { ...common.HOST, default: "127.0.0.1" },
  // Nothing else takes its place, so nobody would gain by waiting.
  DRAIN: { ...common.DRAIN, default: "0 seconds" },
  LOG_FORMAT: { ...common.LOG_FORMAT, default: "pretty" as const },
  LOG_LEVEL: { ...common.LOG_LEVEL, default: "Warn" as const },
  DATA_DIR: text("the folder that holds all data", ".data"),
  QUEUE_URL: optional(
    url("the order queue", ["redis", "rediss", "http", "https", "memory"]),
  ),
}
