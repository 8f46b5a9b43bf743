/**
 * Logs to the console, as lines for people or JSON for collectors; traces, logs and metrics to an
 * OTLP endpoint when one is set. Metrics are always at /metrics, too.
 */
import { Effect, Layer, Logger, References } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import { randomUUID } from "node:crypto"
import { oneOf, optional, url, type Values } from "#shared/config/settings.ts"
import { logLine, logRecord } from "./log-record.ts"
import { saidOnce } from "./said-once.ts"
import { eventLoopLayer } from "./event-loop.ts"
import { MayBeginTrace, tracesPerSecond, TracingEnabled } from "./trace.ts"

export const telemetrySettings = {
  LOG_LEVEL: oneOf(
    "the lowest level that is logged",
    ["Debug", "Info", "Warn", "Error", "None"],
    "Info",
  ),
  LOG_FORMAT: oneOf("how logs are written", ["pretty", "json"], "json"),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    url("where to send traces, logs and metrics (OTLP over HTTP)", ["http", "https"]),
  ),
}

const consoleLogger = (form: (record: ReturnType<typeof logRecord>) => string) =>
  Logger.make<unknown, void>((entry) => {
    console.log(form(logRecord(entry)))
  })

/** Suppresses repetitions in all loggers. */
const withoutRepeats = Layer.effect(
  Logger.CurrentLoggers,
  Effect.map(Effect.flatMap(Logger.CurrentLoggers, saidOnce), (logger) => new Set([logger])),
)

/**
 * The most traces that a process begins per second: enough to see what is slow, and why. More would
 * reduce the rate of orders.
 */
const mostTraces = 50

const tracing = Layer.merge(
  Layer.succeed(TracingEnabled, true),
  Layer.succeed(MayBeginTrace, tracesPerSecond(mostTraces)),
)

/** Logger, log level and, with an endpoint, the OTLP exporters of the service. */
export const telemetryLayer = (service: string, settings: Values<typeof telemetrySettings>) => {
  const { LOG_LEVEL, LOG_FORMAT, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = settings
  const console = Layer.mergeAll(
    Logger.layer([consoleLogger(LOG_FORMAT === "json" ? JSON.stringify : logLine)]),
    Layer.succeed(References.MinimumLogLevel, LOG_LEVEL),
    eventLoopLayer(service),
  )
  if (endpoint === undefined) return Layer.provideMerge(withoutRepeats, console)
  const exporters = Otlp.layerJson({
    baseUrl: endpoint.href.replace(/\/$/, ""),
    resource: {
      serviceName: `unwind-${service}`,
      // Otherwise two replicas would write the same series.
      attributes: { "service.instance.id": randomUUID() },
    },
    loggerMergeWithExisting: true,
  }).pipe(Layer.provide(FetchHttpClient.layer))
  // The console logger is provided below the exporters: next to them, it would replace theirs.
  return withoutRepeats.pipe(
    Layer.provideMerge(Layer.mergeAll(exporters, tracing)),
    Layer.provideMerge(console),
  )
}
