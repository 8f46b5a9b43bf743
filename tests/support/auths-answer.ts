/**
 * Auth's answer to services that ask for the keys of users' tokens, for tests about something else.
 */
import type { JWK } from "jose"
import type { PublicKey, Trusted } from "#shared/contracts/auth.ts"

/** Access tokens with this lifetime are accepted: longer than any test, by any clock. */
const thousandYearsInSeconds = 1_000 * 366 * 86_400

/** The answer with these keys, and other fields. */
export const auths = (
  keys: ReadonlyArray<JWK & { readonly kid: string }>,
  more: Partial<Trusted> = {},
): Trusted => ({
  keys: keys.map((key) => ({ ...key, alg: "EdDSA", use: "sig" }) as PublicKey),
  accessTokenSeconds: thousandYearsInSeconds,
  endedSessions: [],
  position: "1",
  ...more,
})
