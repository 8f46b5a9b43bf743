/**
 * Logs to the console, as lines for people or JSON for collectors; traces, logs and metrics to an OTLP endpoint when one
 * is set. Metrics are at /metrics in any case.
 */
import { Context, Effect, Layer, Logger, References, Tracer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import { oneOf, optional, url, type Values } from "#shared/config/settings.ts"
import { saidOnce } from "./said-once.ts"
import { TracingEnabled } from "./trace.ts"

export const telemetrySettings = {
  LOG_LEVEL: oneOf(
    "the least level that is logged",
    ["Debug", "Info", "Warn", "Error", "None"],
    "Info",
  ),
  LOG_FORMAT: oneOf("how logs are written", ["pretty", "json"], "json"),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    url("where to send traces, logs and metrics (OTLP over HTTP)", ["http", "https"]),
  ),
}

/**
 * A log entry as an object: `message` is always a text, and all else that was logged with it, such as `orderId`, is a field of
 * the entry itself.
 */
export const logRecord = (entry: Logger.Options<unknown>): Readonly<Record<string, unknown>> => {
  const { message, annotations, ...rest } = Logger.formatStructured.log(entry)
  const parts = Array.isArray(message) ? message : [message]
  const isFields = (part: unknown) => typeof part === "object" && part !== null
  const span = Context.getOrUndefined(entry.fiber.context, Tracer.ParentSpan)
  return {
    ...annotations,
    ...Object.assign({}, ...parts.filter(isFields)),
    ...rest,
    message: parts.filter((part) => !isFields(part)).join(" "),
    ...(span && { traceId: span.traceId, spanId: span.spanId }),
  }
}

const jsonLogger = Logger.make<unknown, void>((entry) => {
  console.log(JSON.stringify(logRecord(entry)))
})

/** What is logged again and again is said once, by all loggers. */
const withoutRepeats = Layer.effect(
  Logger.CurrentLoggers,
  Effect.map(Effect.flatMap(Logger.CurrentLoggers, saidOnce), (logger) => new Set([logger])),
)

/** Logger, log level and, with an endpoint, the OTLP exporters of the service. */
export const telemetryLayer = (service: string, settings: Values<typeof telemetrySettings>) => {
  const { LOG_LEVEL, LOG_FORMAT, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = settings
  const console = Layer.mergeAll(
    Logger.layer([LOG_FORMAT === "json" ? jsonLogger : Logger.consolePretty({ mode: "tty" })]),
    Layer.succeed(References.MinimumLogLevel, LOG_LEVEL),
  )
  if (endpoint === undefined) return Layer.provideMerge(withoutRepeats, console)
  const exporters = Otlp.layerJson({
    baseUrl: endpoint.href.replace(/\/$/, ""),
    resource: { serviceName: `unwind-${service}` },
    loggerMergeWithExisting: true,
  }).pipe(Layer.provide(FetchHttpClient.layer))
  // A sibling logger would replace the exporter's; so it comes below it.
  return withoutRepeats.pipe(
    Layer.provideMerge(Layer.merge(exporters, Layer.succeed(TracingEnabled, true))),
    Layer.provideMerge(console),
  )
}
