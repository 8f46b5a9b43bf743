/**
 * Where a request comes from: attempts at passwords are counted by it, and the audit trail records
 * it.
 */
import type { Effect } from "effect"
import { isByTls } from "#shared/http/answer-headers.ts"
import type { RouteInput } from "#shared/http/route.ts"
import { clientAddress } from "#shared/http/client-address.ts"

export interface TrustProxy {
  /** Whether a proxy in front names the client's address and protocol. */
  readonly trustProxy: boolean
}

export interface Origin {
  readonly request: Request
  readonly address: string
  /** Whether it came over TLS, so that the device's cookie may be limited to TLS. */
  readonly secure: boolean
  /** Succeeds when the server wants to close: attempts are no longer held then. */
  readonly closing: Effect.Effect<void>
}

export const originOf = (
  { request, remoteAddress, closing }: Pick<
    RouteInput<never, never, never, never>,
    "request" | "remoteAddress" | "closing"
  >,
  { trustProxy }: TrustProxy,
): Origin => ({
  request,
  address: clientAddress(request, remoteAddress, trustProxy),
  secure: isByTls(request, trustProxy),
  closing,
})
