/**
 * Verifies that an access token is of a session that is not over. Auth reads the session itself, so
 * one that has ended counts at once; the other services learn of it.
 */
import { Effect } from "effect"
import { decodeJwt } from "jose"
import { Problem, unavailable } from "#shared/http/problem.ts"
import { bearerToken } from "#shared/security/service-tokens.ts"
import { makeShownIn, type TokenOptions, userVerifierBy } from "#shared/security/user-tokens.ts"
import { Sessions } from "./sessions.ts"
import { SigningKeys } from "./signing-keys.ts"

/** The session of the access token with which a request was let in. */
export const sessionShown = (
  request: Request,
  header?: string,
): Effect.Effect<string, Problem> =>
  Effect.map(
    bearerToken(request, header),
    (proved) => decodeJwt<{ readonly sid: string }>(proved).sid,
  )

/** Makes the verifier that lets in users with such a token. */
export const makeLiveUser = (options: TokenOptions) =>
  Effect.gen(function* () {
    const { trust } = yield* SigningKeys
    const { assertLive } = yield* Sessions
    const shownIn = makeShownIn(trust, options)
    return userVerifierBy((header) =>
      Effect.fnUntraced(function* (request) {
        const user = yield* shownIn(header)(request)
        const session = yield* sessionShown(request, header)
        yield* Effect.catch(assertLive({ ...user, session }), (error) =>
          error instanceof Problem ? Effect.fail(error) : Effect.andThen(
            Effect.logWarning(error.message),
            Effect.fail(unavailable("Sessions cannot be checked now.")),
          ))
        return user
      })
    )
  })
