/**
 * When a signing key is made, used and deleted follows from the ages of the keys alone, so that all
 * replicas agree without talking. A new key is published long before it signs, so that all copies
 * of the public keys (of replicas, services and HTTP caches) have it when its first token comes.
 */
import { trustedForMs } from "#shared/security/trust.ts"

export interface Dated {
  readonly createdAtMs: number
}

const minuteMs = 60_000
const rotateAfterMs = 30 * 24 * 60 * minuteMs
/**
 * The time from the creation of a key to its first signature: many times the age that any copy of
 * the keys can have. After an emergency removal it does not matter: the oldest key that is left
 * signs at once, and a service that does not know it asks for it.
 */
const leadMs = 60 * minuteMs
/** How much longer another replica, whose clock is slow, may sign with the previous key. */
const skewMs = 60 * minuteMs

/**
 * How old the public keys may be when they are sent, and how long an HTTP cache may then keep them.
 */
export const jwksAgeMs = 5_000
export const jwksCachedMs = trustedForMs - 2 * jwksAgeMs

/** Whether a new key is due. Keys are given oldest first, here and below. */
export const isKeyDue = (keys: ReadonlyArray<Dated>, nowMs: number): boolean => {
  const newest = keys.at(-1)
  return newest === undefined || nowMs >= newest.createdAtMs + rotateAfterMs
}

/** The key to sign with: the newest that has been published long enough, or else the oldest. */
export const signingKey = <K extends Dated>(keys: ReadonlyArray<K>, nowMs: number): K | undefined =>
  keys.findLast((key) => nowMs >= key.createdAtMs + leadMs) ?? keys[0]

/** The keys whose last token has expired, when no token lives longer than `longestMs`. */
export const retiredKeys = <K extends Dated>(
  keys: ReadonlyArray<K>,
  nowMs: number,
  longestMs: number,
): ReadonlyArray<K> =>
  keys.filter((_, n) => {
    const successor = keys[n + 1]
    return successor !== undefined &&
      nowMs > successor.createdAtMs + leadMs + skewMs + longestMs
  })
