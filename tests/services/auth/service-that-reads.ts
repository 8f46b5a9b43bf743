/**
 * Another service, as far as it verifies users' tokens with what it reads from auth. It reads when
 * asked, not periodically, so the clock can be moved by months.
 */
import { Effect } from "effect"
import { Fetch } from "#shared/http/client.ts"
import { readTrustOf } from "#shared/security/trust-of-auth.ts"
import { makeTrust } from "#shared/security/trust.ts"
import { makeUserVerifier } from "#shared/security/user-tokens.ts"
import type { Pair, RunningAuth } from "./running-auth.ts"

/** The user that it lets in with an access token. */
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
