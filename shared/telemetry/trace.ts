/**
 * W3C trace context, incoming and outgoing. Without telemetry (no OTLP endpoint set) requests make
 * no spans. With it, public requests begin traces, up to a limit per second: a span costs more than
 * everything else that a saga step does in this process. Work in any service belongs to the trace
 * that caused it; work without a trace makes no spans.
 */
import { Context, Effect, Exit, Option, Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"

/** Whether spans are made; the telemetry layer switches it on. */
export const TracingEnabled = Context.Reference<boolean>("unwind/telemetry/TracingEnabled", {
  defaultValue: () => false,
})

/** Whether one more trace may begin now. */
export const MayBeginTrace = Context.Reference<() => boolean>("unwind/telemetry/MayBeginTrace", {
  defaultValue: () => () => true,
})

/** Lets `most` traces begin per second. */
export const tracesPerSecond = (most: number, nowMs = () => performance.now()): () => boolean => {
  let second = -1
  let begun = 0
  return () => {
    const now = Math.floor(nowMs() / 1000)
    if (now !== second) {
      second = now
      begun = 0
    }
    return ++begun <= most
  }
}

/** The most links of a span: the default of OpenTelemetry's specification. */
const mostLinks = 128

/** The span that a `traceparent` names; undefined if it is missing or invalid. */
export const spanOf = (traceparent: string | null | undefined): Tracer.ExternalSpan | undefined =>
  traceparent
    ? Option.getOrUndefined(HttpTraceContext.fromHeaders(Headers.fromInput({ traceparent })))
    : undefined

export const traceIdOf = (traceparent: string | null | undefined): string | undefined =>
  spanOf(traceparent)?.traceId

/**
 * The parent of a request's span; undefined if there is to be no span. Internal requests only
 * continue traces.
 */
const parentOfRequest = (
  { headers }: Request,
  internal: boolean,
  mayBegin: () => boolean,
): { readonly parent?: Tracer.AnySpan; readonly root?: true } | undefined => {
  const parent = spanOf(headers.get("traceparent"))
  if (internal || parent?.sampled === false) return parent?.sampled ? { parent } : undefined
  if (!mayBegin()) return undefined
  return parent === undefined ? { root: true } : { parent }
}

/**
 * Answers a request in a server span that continues the trace of its `traceparent`, or begins one
 * at the public door if the limit allows.
 */
export const withRequestSpan = (
  response: Effect.Effect<Response>,
  request: Request,
  { name, internal }: { readonly name: string; readonly internal: boolean },
): Effect.Effect<Response> =>
  Effect.flatMap(
    TracingEnabled,
    (enabled) =>
      !enabled ? response : Effect.flatMap(MayBeginTrace, (mayBegin) => {
        const where = parentOfRequest(request, internal, mayBegin)
        return where === undefined ? response : inServerSpan(name, where, response)
      }),
  )

const inServerSpan = (
  name: string,
  where: { readonly parent?: Tracer.AnySpan; readonly root?: true },
  response: Effect.Effect<Response>,
) =>
  Effect.flatMap(
    Effect.makeSpan(name, { kind: "server", ...where }),
    (span) =>
      Effect.provideService(response, Tracer.ParentSpan, span).pipe(
        Effect.onExit((exit) => {
          if (Exit.isFailure(exit)) return endSpan(span, exit)
          const { status } = exit.value
          span.attribute("http.response.status_code", status)
          return endSpan(span, status < 500 ? Exit.void : Exit.fail(`Answered ${status}`))
        }),
      ),
  )

export const endSpan = (
  span: Tracer.Span,
  exit: Exit.Exit<unknown, unknown>,
): Effect.Effect<void> =>
  Effect.clockWith((clock) => Effect.sync(() => span.end(clock.currentTimeNanosUnsafe(), exit)))

/** Runs the effect in a child of the current span; without a current span, in none. */
export const withinSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  name: string,
  options: Pick<Tracer.SpanOptions, "kind" | "attributes"> = {},
): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    currentSpan,
    (parent) =>
      parent === undefined
        ? effect
        : Effect.withSpan(effect, name, { ...options, parent }) as typeof effect,
  )

const currentSpan = Effect.map(Effect.serviceOption(Tracer.ParentSpan), Option.getOrUndefined)

/**
 * Work that orders share, such as a request: the spans of those that are traced, and the number of
 * all.
 */
export interface SharedWork {
  readonly of: ReadonlyArray<Tracer.AnySpan>
  readonly count: number
  readonly kind?: Tracer.SpanKind
}

/**
 * Runs work that several orders share. For a single one, its span is a part of that order's trace;
 * for more, it begins a trace that is linked with theirs in both directions. If none is traced,
 * there is no span.
 */
export const withSharedSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  name: string,
  { of, count, kind = "internal" }: SharedWork,
): Effect.Effect<A, E, R> => {
  if (of.length === 0) return effect
  const linked = of.slice(0, mostLinks)
  const where = count === 1
    ? { parent: of[0]! }
    : { root: true, links: linked.map((span) => ({ span, attributes: {} })) }
  const made = Effect.makeSpan(name, { kind, ...where, attributes: { "batch.size": count } })
  return Effect.flatMap(made, (span) => {
    if (count > 1) {
      for (const one of linked) {
        if (one._tag === "Span") one.addLinks([{ span, attributes: {} }])
      }
    }
    return Effect.provideService(effect, Tracer.ParentSpan, span).pipe(
      Effect.onExit((exit) => endSpan(span, exit)),
    )
  }) as Effect.Effect<A, E, R>
}

/** The attributes of a batch's span: its size, and the order of a single entry. */
export const batchAttributes = (
  entries: ReadonlyArray<{ readonly orderId: string }>,
): Readonly<Record<string, unknown>> => ({
  "batch.size": entries.length,
  ...(entries.length === 1 && { "order.id": entries[0]!.orderId }),
})

/** The spans that messages name; empty without telemetry. */
export const spansOf = (
  messages: ReadonlyArray<{ readonly traceparent?: string | null }>,
): Effect.Effect<ReadonlyArray<Tracer.AnySpan>> =>
  Effect.map(TracingEnabled, (enabled) =>
    !enabled ? [] : messages.flatMap(({ traceparent }) => {
      const span = spanOf(traceparent)
      return span?.sampled ? [span] : []
    }))

/** The current span as a `traceparent`, if one is open. */
export const currentTraceparent: Effect.Effect<string | undefined> = Effect.map(
  currentSpan,
  (span) => span && `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`,
)

/** Adds attributes to the current span, if there is one. */
export const tellSpan = (attributes: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  Effect.map(currentSpan, (span) => {
    if (span?._tag !== "Span") return
    for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
  })
