/**
 * When a signing key is made, used and forgotten follows from nothing but the keys' ages, so that all replicas agree
 * without talking. A new key is published long before it signs: whoever keeps a copy of the public keys (other replicas,
 * the services, caches on the way) has it when the first token comes that it signed.
 */
import { trustedForMs } from "#shared/security/trust.ts"

export interface Dated {
  readonly createdAtMs: number
}

const minuteMs = 60_000
const rotateAfterMs = 30 * 24 * 60 * minuteMs
/**
 * The time from a key's making to its first signature; many times the age that any copy of the keys can have. Where a key is
 * removed in an emergency it does not matter: the oldest that is left signs at once, and whoever meets it asks for it.
 */
const leadMs = 60 * minuteMs
/** How much later another replica may still have signed with the key before, its clock being slow. */
const skewMs = 60 * minuteMs

/** How old the public keys may be when they leave, and how long an HTTP cache may keep them then. */
export const jwksAgeMs = 5_000
export const jwksCachedMs = trustedForMs - 2 * jwksAgeMs

/** Whether it is time for a new key. Keys are given oldest first, here and below. */
export const isKeyDue = (keys: ReadonlyArray<Dated>, nowMs: number): boolean => {
  const newest = keys.at(-1)
  return newest === undefined || nowMs >= newest.createdAtMs + rotateAfterMs
}

/** The key to sign with: the newest that has been published long enough; the very first one need not wait. */
export const signingKey = <K extends Dated>(keys: ReadonlyArray<K>, nowMs: number): K | undefined =>
  keys.findLast((key) => nowMs >= key.createdAtMs + leadMs) ?? keys[0]

/** The keys whose last token is dead, when no token lives longer than `longestMs`. */
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
