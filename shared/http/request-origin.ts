/**
 * Where a request comes from: its id, which a client may quote and which is in the logs, and its trace. Calls that are made
 * on behalf of a request carry both on, so that what it led to in other services can be found.
 */
import { Context, Effect } from "effect"
import { currentTraceparent, TracingEnabled } from "#shared/telemetry/trace.ts"

interface RequestOrigin {
  readonly requestId: string
  readonly request: Request
}

/** The request that is being answered; none in what a service does by itself. */
export const CurrentRequest = Context.Reference<RequestOrigin | undefined>(
  "unwind/http/CurrentRequest",
  { defaultValue: () => undefined },
)

/** What a client may quote: its own X-Request-Id if that can be one, else a new one. */
export const requestIdOf = (request: Request): string => {
  const given = request.headers.get("x-request-id") ?? ""
  return /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID()
}

/** The headers of a call: the id of the request that it is made for, or a new one; and the trace, if there is one. */
export const originHeaders: Effect.Effect<Readonly<Record<string, string>>> = Effect.gen(
  function* () {
    const current = yield* CurrentRequest
    // Without telemetry there is no span, but the one who asked may have one, and so may the one who is called. With it, a
    // request without a span is one that is not to be traced.
    const traceparent = (yield* TracingEnabled)
      ? yield* currentTraceparent
      : current?.request.headers.get("traceparent")
    return {
      "x-request-id": current?.requestId ?? crypto.randomUUID(),
      ...(traceparent && { traceparent }),
    }
  },
)
