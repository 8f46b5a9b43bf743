/**
 * The public keys of auth, as its users' tokens are proved by them. They are fetched when they are first needed, when they are
 * ten minutes old, and when a token names a key that is not among them, for that at most every five seconds.
 */
import { Clock, Effect } from "effect"
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose"
import { Fetch } from "#shared/http/client.ts"
import { PeerClocks } from "#shared/http/peer-clocks.ts"
import { steadyMsOf } from "#shared/steady-time.ts"

const freshForMs = 10 * 60_000
const sparedForMs = 5_000

/** Finds the key that a token names, for jose. */
export const authKeys = (jwksUrl: URL): Effect.Effect<JWTVerifyGetKey> =>
  Effect.gen(function* () {
    const fetch = yield* Fetch
    const clocks = yield* PeerClocks
    const clock = yield* Clock.Clock
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    let fetchedAtMs = -Infinity
    const keys = createRemoteJWKSet(jwksUrl, {
      timeoutDuration: 5_000,
      // It measures ages by the wall clock: set back an hour, a key that is withdrawn would count an hour longer.
      cacheMaxAge: Infinity,
      cooldownDuration: Infinity,
      [customFetch]: async (url, init) => {
        const sentMs = steadyMsOf(clock)
        const answer = await fetch(url, init)
        fork(clocks.heard("auth", answer.headers.get("date"), sentMs))
        // It reads no more of the answer than its status and its JSON.
        return answer as Response
      },
    })
    const isOlderThan = (ms: number) => steadyMsOf(clock) - fetchedAtMs >= ms
    const renew = async () => {
      await keys.reload()
      fetchedAtMs = steadyMsOf(clock)
    }
    return async (header, token) => {
      if (isOlderThan(freshForMs)) await renew()
      try {
        return await keys(header, token)
      } catch (error) {
        const isUnknown = error instanceof errors.JWKSNoMatchingKey
        if (!isUnknown || !isOlderThan(sparedForMs)) throw error
        await renew()
        return await keys(header, token)
      }
    }
  })
