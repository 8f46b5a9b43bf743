/** How services learn from auth what users' tokens are proved by. */
import { Effect, Schema } from "effect"
import { Trusted } from "#shared/contracts/auth.ts"
import { Fetch, get } from "#shared/http/client.ts"
import { PeerClocks } from "#shared/http/peer-clocks.ts"
import { UnresolvedPeers } from "#shared/http/unresolved-peers.ts"
import { Misconfigured, type Transient } from "#shared/transient.ts"

const timeoutMs = 5_000

const decode = Schema.decodeUnknownEffect(Trusted)

/** Gives what reads it at the address, from where the last answer ended. Reading fails with a Transient error. */
export const readTrustOf = (jwksUrl: URL) =>
  Effect.gen(function* () {
    const [fetch, clocks, peers] = [yield* Fetch, yield* PeerClocks, yield* UnresolvedPeers]
    // Who asks needs no token: it is nothing secret, and a network lets only those ask who have to.
    const auth = { name: "auth", url: jwksUrl, setting: "JWKS_URL", timeoutMs }
    return (after: string | undefined): Effect.Effect<Trusted, Transient> =>
      get(auth, after === undefined ? "" : `?after=${after}`).pipe(
        Effect.flatMap((answer) =>
          Effect.mapError(decode(answer), () =>
            new Misconfigured({
              message: `${jwksUrl} has no keys and ended sessions: ` +
                "set JWKS_URL to /internal/jwks.json of auth",
            }))
        ),
        Effect.provideService(Fetch, fetch),
        Effect.provideService(PeerClocks, clocks),
        Effect.provideService(UnresolvedPeers, peers),
      )
  })
