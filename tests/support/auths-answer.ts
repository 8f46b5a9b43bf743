/**
 * What auth answers services that ask what users' tokens are proved by, for tests that are about
 * something else.
 */
import type { JWK } from "jose"
import type { PublicKey, Trusted } from "#shared/contracts/auth.ts"

/** Access tokens that live this long are taken: longer than any test, by whichever clock. */
const thousandYearsInSeconds = 1_000 * 366 * 86_400

/** The answer with these keys, and whatever else is to be in it. */
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
