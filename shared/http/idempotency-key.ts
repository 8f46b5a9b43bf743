/**
 * The Idempotency-Key header: a client that got no answer repeats the request with the same key.
 */
import { Effect, Schema } from "effect"
import { decodeStrictly } from "./body.ts"
import type { Problem } from "./problem.ts"

export const IdempotencyKey = Schema.String.check(
  Schema.isPattern(/^[\x20-\x7e]{1,255}$/u, { expected: "1 to 255 printable ASCII characters" }),
)

const decodeKey = decodeStrictly(
  Schema.Struct({ "Idempotency-Key": Schema.optionalKey(IdempotencyKey) }),
  "header",
)

/** The header of routes that require a key. */
export const neededKeyHeader = Schema.Struct({
  "Idempotency-Key": IdempotencyKey.annotate({
    description:
      "Makes a retry the same request: a key of your own, of one to 255 printable ASCII " +
      "characters, new for each new request",
  }),
})

const decodeNeededKey = decodeStrictly(neededKeyHeader, "header")

const keyIn = ({ headers }: { readonly headers: Headers }) => {
  const key = headers.get("idempotency-key")
  return key === null ? {} : { "Idempotency-Key": key }
}

/** The Idempotency-Key, if one was sent. Fails with a 400 Problem when it is invalid. */
export const idempotencyKey = (
  request: { readonly headers: Headers },
): Effect.Effect<string | undefined, Problem> =>
  Effect.map(decodeKey(keyIn(request)), (decoded) => decoded["Idempotency-Key"])

/** The Idempotency-Key. Fails with a 400 Problem when it is missing or invalid. */
export const neededIdempotencyKey = (
  request: { readonly headers: Headers },
): Effect.Effect<string, Problem> =>
  Effect.map(decodeNeededKey(keyIn(request)), (decoded) => decoded["Idempotency-Key"])
