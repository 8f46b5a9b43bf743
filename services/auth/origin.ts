/** Where a request comes from: what tries at passwords are counted by, and what the audit trail tells. */
import type { Effect } from "effect"
import { isByTls } from "#shared/http/answer-headers.ts"
import type { RouteInput } from "#shared/http/route.ts"
import { clientAddress } from "#shared/http/client-address.ts"

export interface Origin {
  readonly request: Request
  readonly address: string
  /** Whether it came over TLS, so that the device's cookie may stay there. */
  readonly secure: boolean
  /** Succeeds when the server wants to close: nobody is held then. */
  readonly closing: Effect.Effect<void>
}

export const originOf = (
  { request, remoteAddress, closing }: Pick<
    RouteInput<never, never, never, never>,
    "request" | "remoteAddress" | "closing"
  >,
  { trustProxy }: { readonly trustProxy: boolean },
): Origin => ({
  request,
  address: clientAddress(request, remoteAddress, trustProxy),
  secure: isByTls(request, trustProxy),
  closing,
})
