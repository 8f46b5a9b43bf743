/** What the routes of orders read from a request's headers. */
import { Duration, Effect, Schema } from "effect"
import { decodeStrictly } from "#shared/http/body.ts"
import type { Problem } from "#shared/http/problem.ts"

const decodeKey = decodeStrictly(
  Schema.Struct({
    "Idempotency-Key": Schema.String.check(
      Schema.isPattern(/^[\x20-\x7e]{1,255}$/, {
        expected: "1 to 255 printable ASCII characters",
      }),
    ),
  }),
  "header",
)

/** The Idempotency-Key, if one was sent. Fails with a 400 Problem when it cannot be one. */
export const idempotencyKey = (
  { headers }: { readonly headers: Headers },
): Effect.Effect<string | undefined, Problem> => {
  const key = headers.get("idempotency-key")
  return key === null
    ? Effect.succeed(undefined)
    : Effect.map(decodeKey({ "Idempotency-Key": key }), (decoded) => decoded["Idempotency-Key"])
}

const longestWaitSeconds = 30

/**
 * How long the client prefers to wait (RFC 7240, section 4.3), at most 30 seconds. Nothing for 0, and for what is not
 * understood.
 */
export const preferredWait = (
  { headers }: { readonly headers: Headers },
): Duration.Duration | undefined => {
  const wait = /(?:^|[,;])\s*wait\s*=\s*(?:0*([1-9]\d*)|"0*([1-9]\d*)")\s*(?:[,;]|$)/i.exec(
    headers.get("prefer") ?? "",
  )
  const seconds = wait?.[1] ?? wait?.[2]
  return seconds === undefined
    ? undefined
    : Duration.seconds(Math.min(Number(seconds), longestWaitSeconds))
}

/** The event that a client saw last; -1 when it saw none, or none of ours. It may be more than there are, to Infinity. */
export const lastEventId = ({ headers }: { readonly headers: Headers }): number => {
  const seen = headers.get("last-event-id") ?? ""
  return /^\d+$/.test(seen) ? Number(seen) : -1
}
