/**
 * Logs to the console, as lines for people or JSON for collectors; traces, logs and metrics to an OTLP endpoint when one
 * is set. Metrics are at /metrics in any case.
 */
import { Context, Layer, Logger, References, Tracer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import { oneOf, optional, url, type Values } from "#shared/config/settings.ts"
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

const jsonLogger = Logger.make<unknown, void>((entry) => {
  const span = Context.getOrUndefined(entry.fiber.context, Tracer.ParentSpan)
  console.log(JSON.stringify({
    ...Logger.formatStructured.log(entry),
    ...(span && { traceId: span.traceId, spanId: span.spanId }),
  }))
})

/** Logger, log level and, with an endpoint, the OTLP exporters of the service. */
export const telemetryLayer = (service: string, settings: Values<typeof telemetrySettings>) => {
  const { LOG_LEVEL, LOG_FORMAT, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = settings
  const console = Layer.mergeAll(
    Logger.layer([LOG_FORMAT === "json" ? jsonLogger : Logger.consolePretty({ mode: "tty" })]),
    Layer.succeed(References.MinimumLogLevel, LOG_LEVEL),
  )
  if (endpoint === undefined) return console
  const exporters = Otlp.layerJson({
    baseUrl: endpoint.href.replace(/\/$/, ""),
    resource: { serviceName: `unwind-${service}` },
    loggerMergeWithExisting: true,
  }).pipe(Layer.provide(FetchHttpClient.layer))
  // A sibling logger would replace the exporter's; so it comes below it.
  return Layer.mergeAll(exporters, Layer.succeed(TracingEnabled, true)).pipe(
    Layer.provideMerge(console),
  )
}
