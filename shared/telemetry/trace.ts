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
    (enabled) => enabled ? inSpan(name, request.headers.get("traceparent"), effect) : effect,
  )

/** Runs the effect in a client span, whose `traceparent` the callee is sent. */
export const withCallSpan = <A, E>(effect: Effect.Effect<A, E>, name: string) =>
  Effect.flatMap(
    TracingEnabled,
    (enabled) => enabled ? Effect.withSpan(effect, name, { kind: "client" }) : effect,
  )

/** Opens a consumer span that continues the trace that a queue message carries; none without telemetry. */
export const messageSpan = (
  traceparent: string | undefined,
  name: string,
): Effect.Effect<Tracer.Span | undefined> =>
  Effect.flatMap(TracingEnabled, (enabled) =>
    enabled
      ? Effect.makeSpan(name, {
        kind: "consumer",
        ...(traceparent !== undefined && parentOf(traceparent)),
      })
      : Effect.succeed(undefined))

const parentOf = (traceparent: string) =>
  Option.match(HttpTraceContext.fromHeaders(Headers.fromInput({ traceparent })), {
    onNone: () => ({}),
    onSome: (parent) => ({ parent }),
  })

const inSpan = <A, E, R>(
  name: string,
  traceparent: string | null,
  effect: Effect.Effect<A, E, R>,
) =>
  Effect.withSpan(effect, name, {
    kind: "server",
    ...(traceparent !== null && parentOf(traceparent)),
  })

/** The current span as a `traceparent`, if one is open. */
export const currentTraceparent: Effect.Effect<string | undefined> = Effect.map(
  Effect.serviceOption(Tracer.ParentSpan),
  Option.match({
    onNone: () => undefined,
    onSome: ({ traceId, spanId, sampled }) => `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`,
  }),
)
