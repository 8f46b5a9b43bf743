/**
 * Who shows an access token of a session that is not over. Auth looks at the session itself, so that one that has ended counts
 * at once; the other services learn of it.
 */
import { Effect } from "effect"
import type { Problem } from "#shared/http/problem.ts"
import type { Access } from "#shared/http/route.ts"
import { bearerToken } from "#shared/security/service-tokens.ts"
import { makeUserVerifier, type TokenOptions } from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { type InSession, sessionOf } from "./session-tokens.ts"
import { Sessions } from "./sessions.ts"
import { SigningKeys } from "./signing-keys.ts"

/** Lets in whoever shows such a token. Fails with a 401 Problem, or while the sessions cannot be read. */
export const makeLiveUser = (options: TokenOptions) =>
  Effect.gen(function* () {
    const { keyOf } = yield* SigningKeys
    const { assertLive } = yield* Sessions
    const { user } = yield* makeUserVerifier(keyOf, options)
    const live: Access<InSession, Problem | Transient> = {
      scheme: user.scheme,
      authorize: Effect.fnUntraced(function* (request) {
        const { username } = yield* user.authorize(request)
        const session = yield* sessionOf(yield* bearerToken(request))
        yield* assertLive({ username, session })
        return { username, session }
      }),
    }
    return live
  })
