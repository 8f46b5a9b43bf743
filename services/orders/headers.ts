/** What the routes of orders read from a request's headers. */
import { Duration, Schema } from "effect"
import { IdempotencyKey } from "#shared/http/idempotency-key.ts"

const longestWaitSeconds = 30

/** Of whoever would wait until the order is final. */
export const preferHeader = {
  Prefer: Schema.optionalKey(Schema.String.annotate({
    description:
      "wait=N: to be answered once the order is final, or with the order as it is after " +
      `N seconds, at most ${longestWaitSeconds} (RFC 7240)`,
    examples: ["wait=5"],
  })),
}

/** The headers of an order that is placed. */
export const placingHeaders = Schema.Struct({
  "Idempotency-Key": Schema.optionalKey(IdempotencyKey.annotate({
    description: "Makes a repeated order the same order: yours, of one to 255 printable ASCII " +
      "characters, new for each order that you mean",
  })),
  ...preferHeader,
})

/** The headers of an order that is watched. */
export const watchingHeaders = Schema.Struct({
  "Last-Event-ID": Schema.optionalKey(Schema.String.annotate({
    description: "The id of the event that was seen last: the stream goes on after it",
  })),
})

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
