/**
 * The part of another service that verifies users' tokens with the keys of auth. It reads the keys
 * when it needs them, not periodically, so the clock can be moved by months.
 */
import { Effect } from "effect"
import { Fetch } from "#shared/http/client.ts"
import { readTrustOf } from "#shared/security/trust-of-auth.ts"
import { makeTrust } from "#shared/security/trust.ts"
import { makeUserVerifier } from "#shared/security/user-tokens.ts"
import type { Pair, RunningAuth } from "./running-auth.ts"

/** Returns a function that verifies an access token and returns its user. */
export const serviceThatReads = Effect.fnUntraced(function* ({ app }: RunningAuth) {
  const read = yield* readTrustOf(new URL("http://auth.test/internal/jwks.json")).pipe(
    Effect.provideService(Fetch, (url, init) => Promise.resolve(app.request(url, init))),
  )
  const { user } = makeUserVerifier(yield* makeTrust(read), {
    issuer: "unwind",
    audience: "unwind-api",
  })
  return ({ access }: Pair) => {
    const headers = { authorization: `Bearer ${access}` }
    const request = new Request("http://orders.test/", { headers })
    return Effect.map(user.authorize(request), ({ username }) => username)
  }
})
