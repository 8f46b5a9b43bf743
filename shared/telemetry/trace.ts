/**
 * W3C trace context in and out. Without telemetry (no OTLP endpoint set) requests make no spans at all: a span costs more
 * than everything else that a saga step does in this process.
 */
import { Context, Effect, Option, Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"

/** Whether spans are made; the telemetry layer switches it on. */
export const TracingEnabled = Context.Reference<boolean>("unwind/telemetry/TracingEnabled", {
  defaultValue: () => false,
})

/** Runs the effect in a server span that continues the trace of the request's `traceparent`. */
export const withRequestSpan = <A, E>(
  effect: Effect.Effect<A, E>,
  request: Request,
  name: string,
) =>
  Effect.flatMap(
    TracingEnabled,
    (enabled) =>
      enabled ? inSpan(name, request.headers.get("traceparent"), effect, "server") : effect,
  )

/** Runs the effect in a consumer span that continues the trace that a queue message carries. */
export const withMessageSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  traceparent: string | undefined,
  name: string,
) =>
  Effect.flatMap(
    TracingEnabled,
    (enabled) => enabled ? inSpan(name, traceparent ?? null, effect, "consumer") : effect,
  )

const inSpan = <A, E, R>(
  name: string,
  traceparent: string | null,
  effect: Effect.Effect<A, E, R>,
  kind: "server" | "consumer",
) => {
  const spanned = Effect.withSpan(effect, name, { kind })
  if (traceparent === null) return spanned
  return Option.match(HttpTraceContext.fromHeaders(Headers.fromInput({ traceparent })), {
    onNone: () => spanned,
    onSome: (parent) => Effect.withParentSpan(spanned, parent),
  })
}

/** The current span as a `traceparent`, if one is open. */
export const currentTraceparent: Effect.Effect<string | undefined> = Effect.map(
  Effect.serviceOption(Tracer.ParentSpan),
  Option.match({
    onNone: () => undefined,
    onSome: ({ traceId, spanId, sampled }) => `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`,
  }),
)
