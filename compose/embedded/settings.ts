/** The settings of the embedded run itself; those of the services may be set beside them. */
import { optional, text, url } from "#shared/config/settings.ts"
import { internalSettings, processSettings, publicSettings } from "#shared/service/service.ts"

const { HOST, PORT } = publicSettings(8080)

export const embeddedSettings = {
  PORT,
  // Its user is on the same machine.
  HOST: { ...HOST, default: "127.0.0.1" },
  // Its address is not a setting: health and metrics reveal too much to other machines.
  INTERNAL_PORT: internalSettings(9080).INTERNAL_PORT,
  ...processSettings,
  // No other replica takes over, so waiting is pointless.
  DRAIN: { ...processSettings.DRAIN, default: "0 seconds" },
  LOG_FORMAT: { ...processSettings.LOG_FORMAT, default: "pretty" as const },
  LOG_LEVEL: { ...processSettings.LOG_LEVEL, default: "Warn" as const },
  DATA_DIR: text("the folder that holds all data", ".data"),
  QUEUE_URL: optional(
    url("the order queue", ["redis", "rediss", "http", "https", "memory"]),
  ),
}
