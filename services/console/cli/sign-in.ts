/**
 * Who the operator is: an access token that was given, or a session of the command's own, which is over when the command
 * is. Secrets come from the environment or files, as the words of a command are in every list of processes.
 */
import { Effect, Schema, type Scope } from "effect"
import type { Values } from "#shared/config/settings.ts"
import { TokenPair } from "#shared/contracts/auth.ts"
import { customerApi } from "./customer-api.ts"
import { ApiError, call } from "./http.ts"
import type { unwindSettings } from "./settings.ts"

export interface SignedIn {
  /** The access token, as it is now. */
  readonly token: () => string
  /** Asks for another one, where that is possible, after this one was not accepted. */
  readonly renew: (stale: string) => Effect.Effect<void, ApiError>
}

const tokenFrom = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ access: Schema.String })),
)

/** Signs in until the scope closes. Fails with ApiError, whose message says what to set. */
export const signIn = (
  baseUrl: string,
  settings: Values<typeof unwindSettings>,
): Effect.Effect<SignedIn, ApiError, Scope.Scope> => {
  const { UNWIND_TOKEN, UNWIND_USER, UNWIND_PASSWORD } = settings
  if (UNWIND_TOKEN !== undefined) return given(UNWIND_TOKEN)
  if (UNWIND_USER === undefined || UNWIND_PASSWORD === undefined) {
    return new ApiError({
      status: 401,
      message: "It is not known who you are: set UNWIND_USER and UNWIND_PASSWORD_FILE (a file " +
        "that holds the operator's password), or UNWIND_TOKEN_FILE (one that holds an access token)",
    })
  }
  return session(baseUrl, { username: UNWIND_USER, password: UNWIND_PASSWORD })
}

/** As it is, or as POST /api/token/ answered it. */
const given = (text: string): Effect.Effect<SignedIn, ApiError> => {
  const found = tokenFrom(text)
  const token = found._tag === "Some" ? found.value.access : text
  if (!/^[\w.-]+$/.test(token)) {
    return new ApiError({
      status: 401,
      message: "UNWIND_TOKEN is no access token: put there what POST /api/token/ answers",
    })
  }
  return Effect.succeed({
    token: () => token,
    renew: () =>
      new ApiError({
        status: 401,
        message: "UNWIND_TOKEN is not accepted, or not any more: put a new access token there, " +
          "or set UNWIND_USER and UNWIND_PASSWORD_FILE",
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
        // Another request may have done it by now.
        held.pair.access !== stale ? Effect.void : refresh(held.pair.refresh).pipe(
          Effect.catch(() => logIn(credentials)),
          Effect.map((pair) => void (held.pair = pair)),
        ),
    } satisfies SignedIn
  })

/** Nobody waits for it longer than that: the session ends by itself as well. */
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
