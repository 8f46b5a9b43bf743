/**
 * Who shows an access token of a session that is not over. Auth looks at the session itself, so that one that has ended counts
 * at once; the other services learn of it.
 */
import { Effect } from "effect"
import { decodeJwt } from "jose"
import { Problem, unavailable } from "#shared/http/problem.ts"
import { bearerToken } from "#shared/security/service-tokens.ts"
import { makeUserVerifier, type TokenOptions, UserVerifier } from "#shared/security/user-tokens.ts"
import { Sessions } from "./sessions.ts"
import { SigningKeys } from "./signing-keys.ts"

/** The session of the access token that a user was let in by. */
export const sessionShown = (request: Request): Effect.Effect<string, Problem> =>
  Effect.map(bearerToken(request), (proved) => decodeJwt<{ readonly sid: string }>(proved).sid)

/** Makes what lets in whoever shows such a token. */
export const makeLiveUser = (options: TokenOptions) =>
  Effect.gen(function* () {
    const { trust } = yield* SigningKeys
    const { assertLive } = yield* Sessions
    const { user } = makeUserVerifier(trust, options)
    return UserVerifier.of({
      user: {
        scheme: user.scheme,
        authorize: Effect.fnUntraced(function* (request) {
          const { username } = yield* user.authorize(request)
          const session = yield* sessionShown(request)
          yield* Effect.catch(assertLive({ username, session }), (error) =>
            error instanceof Problem ? Effect.fail(error) : Effect.andThen(
              Effect.logWarning(error.message),
              Effect.fail(unavailable("Sessions cannot be looked at now.")),
            ))
          return { username }
        }),
      },
    })
  })
