/**
 * The origin of a request: its id, which a client may quote and the logs contain, and its trace.
 * Calls made on behalf of a request propagate both, so that its effects in other services can be
 * found.
 */
import { Context, Effect } from "effect"
import { currentTraceparent, TracingEnabled } from "#shared/telemetry/trace.ts"

interface RequestOrigin {
  readonly requestId: string
  readonly request: Request
}

/** The request that is being answered; undefined in a service's background work. */
export const CurrentRequest = Context.Reference<RequestOrigin | undefined>(
  "unwind/http/CurrentRequest",
  { defaultValue: () => undefined },
)

/** The client's own X-Request-Id if it is valid, else a new one. */
export const requestIdOf = (request: Request): string => {
  const given = request.headers.get("x-request-id") ?? ""
  return /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID()
}

/**
 * The headers of a call: the id of the request that causes it, or a new one, and the trace, if
 * there is one.
 */
export const originHeaders: Effect.Effect<Readonly<Record<string, string>>> = Effect.gen(
  function* () {
    const current = yield* CurrentRequest
    // Without telemetry there is no span here, but the caller and the callee may have one. With
    // telemetry, a request without a span is not to be traced.
    const traceparent = (yield* TracingEnabled)
      ? yield* currentTraceparent
      : current?.request.headers.get("traceparent")
    return {
      "x-request-id": current?.requestId ?? crypto.randomUUID(),
      ...(traceparent && { traceparent }),
    }
  },
)
