/**
 * Checks the access tokens of users against the public keys of the auth service. What cannot be proved is refused: when
 * the keys cannot be fetched the answer is 503, never a pass.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { errors, jwtVerify, type JWTVerifyGetKey } from "jose"
import { text, url } from "#shared/config/settings.ts"
import { type Problem, unauthenticated, unavailable } from "#shared/http/problem.ts"
import type { Access } from "#shared/http/route.ts"
import { steadyMsOf } from "#shared/steady-time.ts"
import { authKeys } from "./auth-keys.ts"
import { bearerToken } from "./service-tokens.ts"

export interface User {
  readonly username: string
}

/** RFC 9068: the type of an access token, so that no other token of the same issuer passes for one. */
export const accessTokenType = "at+jwt"

export const tokenSettings = {
  TOKEN_ISSUER: text("the issuer named in users' tokens", "unwind"),
  TOKEN_AUDIENCE: text("the audience named in users' tokens", "unwind-api"),
}
export const userTokenSettings = {
  ...tokenSettings,
  JWKS_URL: url(
    "the address of auth's public keys, such as http://auth:9081/.well-known/jwks.json",
    ["http", "https"],
  ),
}

/** Checks the access tokens of users. */
export class UserVerifier extends Context.Service<UserVerifier, {
  /** Lets in whoever shows a valid access token. Fails with a 401 Problem, or 503 while no keys can be had. */
  readonly user: Access<User>
}>()("unwind/security/UserVerifier") {}

/** One answer for every token that does not pass, and for none: it tells nobody what was nearly right. */
export const wrongToken = unauthenticated(
  "The token is missing, wrong or expired. Log in to get one: POST /api/token/.",
)

export interface TokenOptions {
  readonly issuer: string
  readonly audience: string
}

/** What a user's token says, once it is proved. */
export interface UserToken extends User {
  readonly tokenId: string
  readonly expiresAtMs: number
}

const clockToleranceSeconds = 5

/** The codes of jose's errors that tell of the keys, not of the token. */
const keyTrouble = ["ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID", "ERR_JOSE_GENERIC"]

/** Checks users' tokens of one type. Fails with a 401 Problem, or 503 while no keys can be had. */
export const verifyToken =
  (keys: JWTVerifyGetKey, type: string, { issuer, audience }: TokenOptions) =>
  (token: string): Effect.Effect<UserToken, Problem> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.tryPromise({
        try: async () => {
          const { payload } = await jwtVerify<{ sub: string; jti: string; exp: number }>(
            token,
            keys,
            {
              algorithms: ["EdDSA"],
              issuer,
              audience,
              typ: type,
              requiredClaims: ["sub", "jti", "exp"],
              clockTolerance: clockToleranceSeconds,
              currentDate: new Date(now),
            },
          )
          const { sub, jti, exp } = payload
          return { username: sub, tokenId: jti, expiresAtMs: exp * 1000 }
        },
        catch: (error): Problem =>
          error instanceof errors.JOSEError && !keyTrouble.includes(error.code)
            ? wrongToken
            : unavailable("Tokens cannot be checked now."),
      }))

// A client shows the same token again and again: it is proved once a minute, so that a key which is withdrawn soon counts.
const provedForMs = 60_000
/** The first of them makes room for the next. */
const provedAtMost = 10_000

interface Proved {
  readonly user: User
  /** By the wall clock. */
  readonly expiresAtMs: number
  /** By steady time. */
  readonly untilMs: number
}

/** Lets in whoever shows an access token that these keys prove. */
export const makeUserVerifier = (
  keys: JWTVerifyGetKey,
  options: TokenOptions,
): Effect.Effect<UserVerifier["Service"]> =>
  Effect.gen(function* () {
    const verify = verifyToken(keys, accessTokenType, options)
    const proved = new Map<string, Proved>()
    const prove = Effect.fnUntraced(function* (request: Request, header: string, steadyMs: number) {
      const user = yield* verify(yield* Effect.mapError(bearerToken(request), () => wrongToken))
      const expiresAtMs = user.expiresAtMs + clockToleranceSeconds * 1000
      if (proved.size >= provedAtMost) proved.delete(proved.keys().next().value!)
      proved.set(header, { user, expiresAtMs, untilMs: steadyMs + provedForMs })
      return user
    })
    const authorize = (request: Request): Effect.Effect<User, Problem> =>
      Effect.clockWith((clock) => {
        const steadyMs = steadyMsOf(clock)
        const header = request.headers.get("authorization") ?? ""
        const before = proved.get(header)
        const isProved = before !== undefined && steadyMs <= before.untilMs &&
          clock.currentTimeMillisUnsafe() <= before.expiresAtMs
        return isProved ? Effect.succeed(before.user) : prove(request, header, steadyMs)
      })
    return UserVerifier.of({ user: { scheme: "user", authorize } })
  })

export const userVerifierLayer = (options: TokenOptions & { readonly jwksUrl: URL }) =>
  Layer.effect(
    UserVerifier,
    Effect.flatMap(authKeys(options.jwksUrl), (keys) => makeUserVerifier(keys, options)),
  )
