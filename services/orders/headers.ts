/** The request headers that the routes of orders read. */
import { Duration, Schema } from "effect"
import { IdempotencyKey } from "#shared/http/idempotency-key.ts"

const longestWaitSeconds = 30

/** The header of a request that waits until the order is final. */
export const preferHeader = {
  Prefer: Schema.optionalKey(Schema.String.annotate({
    description: "wait=N: answers once the order is final, or with the order as it is after " +
      `N seconds, at most ${longestWaitSeconds} (RFC 7240)`,
    examples: ["wait=5"],
  })),
}

/** The headers of an order that is placed. */
export const placingHeaders = Schema.Struct({
  "Idempotency-Key": Schema.optionalKey(IdempotencyKey.annotate({
    description: "Makes a retry safe: the same key gives the same order. One to 255 printable " +
      "ASCII characters; use a new key for each new order",
  })),
  ...preferHeader,
})

/** The headers of an order that is watched. */
export const watchingHeaders = Schema.Struct({
  "Last-Event-ID": Schema.optionalKey(Schema.String.annotate({
    description: "The id of the last event that was seen: the stream resumes after it",
  })),
})

/**
 * How long the client prefers to wait (RFC 7240, section 4.3), at most 30 seconds. Undefined for 0,
 * and for a preference that cannot be read.
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

/**
 * The id of the last event that the client saw; -1 when it saw none or sent no valid id. It may be
 * larger than any id, up to Infinity.
 */
export const lastEventId = ({ headers }: { readonly headers: Headers }): number => {
  const seen = headers.get("last-event-id") ?? ""
  return /^\d+$/.test(seen) ? Number(seen) : -1
}
