/**
 * Signs the operator in: by an access token, or by a session that ends with the command. Secrets
 * come from the environment or from files, since every user of the machine can list the arguments
 * of a command.
 */
import { Effect, Schema, type Scope } from "effect"
import type { Values } from "#shared/config/settings.ts"
import { TokenPair } from "#shared/contracts/auth.ts"
import { customerApi } from "./customer-api.ts"
import { ApiError, call } from "./http.ts"
import type { unwindSettings } from "./settings.ts"

export interface SignedIn {
  /** The current access token. */
  readonly token: () => string
  /**
   * Replaces the `stale` access token, which was not accepted. Fails where that is not possible.
   */
  readonly renew: (stale: string) => Effect.Effect<void, ApiError>
}

const tokenFrom = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ access: Schema.String })),
)

/**
 * Signs in until the scope closes. Fails with ApiError, whose message names the settings to
 * correct.
 */
export const signIn = (
  baseUrl: string,
  settings: Values<typeof unwindSettings>,
): Effect.Effect<SignedIn, ApiError, Scope.Scope> => {
  const { UNWIND_TOKEN, UNWIND_USER, UNWIND_PASSWORD } = settings
  if (UNWIND_TOKEN !== undefined) return given(UNWIND_TOKEN)
  if (UNWIND_USER === undefined || UNWIND_PASSWORD === undefined) {
    return new ApiError({
      status: 401,
      message: "Not signed in: set UNWIND_USER and UNWIND_PASSWORD_FILE (a file with the " +
        "operator's password), or UNWIND_TOKEN_FILE (a file with an access token)",
    })
  }
  return session(baseUrl, { username: UNWIND_USER, password: UNWIND_PASSWORD })
}

/** A plain access token, or the answer of POST /api/token/. */
const given = (text: string): Effect.Effect<SignedIn, ApiError> => {
  const found = tokenFrom(text)
  const token = found._tag === "Some" ? found.value.access : text
  if (!/^[\w.-]+$/.test(token)) {
    return new ApiError({
      status: 401,
      message: "UNWIND_TOKEN is not an access token: set it to the answer of POST /api/token/",
    })
  }
  return Effect.succeed({
    token: () => token,
    renew: () =>
      new ApiError({
        status: 401,
        message: "UNWIND_TOKEN is invalid or has expired: set it to a new access token, or set " +
          "UNWIND_USER and UNWIND_PASSWORD_FILE",
      }),
  })
}

const session = (baseUrl: string, credentials: { username: string; password: string }) =>
  Effect.gen(function* () {
    const { logIn, refresh } = customerApi(baseUrl)
    const held: { pair: typeof TokenPair.Type } = {
      pair: yield* Effect.acquireRelease(
        Effect.mapError(logIn(credentials), explained(credentials.username)),
        () => Effect.ignore(logOut(baseUrl, held.pair.refresh)),
      ),
    }
    return {
      token: () => held.pair.access,
      renew: (stale) =>
        // Another request may have replaced it already.
        held.pair.access !== stale ? Effect.void : refresh(held.pair.refresh).pipe(
          Effect.catch(() => logIn(credentials)),
          Effect.map((pair) => void (held.pair = pair)),
        ),
    } satisfies SignedIn
  })

/** The timeout is short, since the session also expires by itself. */
const logOut = (baseUrl: string, refresh: string) =>
  call(baseUrl, { path: "/api/token/logout/", body: { refresh }, answer: Schema.Unknown }).pipe(
    Effect.timeout("2 seconds"),
  )

const explained = (username: string) => (error: ApiError) =>
  error.problem?.code === "wrong_credentials"
    ? new ApiError({
      message: `The password of ${JSON.stringify(username)} is not accepted: check UNWIND_USER ` +
        "and UNWIND_PASSWORD",
      status: 401,
    })
    : error
