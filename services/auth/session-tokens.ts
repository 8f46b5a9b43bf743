/** The tokens of sessions: the claims they carry, and what a verified one tells of its session. */
import { Context, Effect, Layer } from "effect"
import type { Problem } from "#shared/http/problem.ts"
import { refreshClaims } from "#shared/security/claims.ts"
import {
  accessTokenType,
  type TokenOptions,
  type User,
  userTokenLimits,
  verifyAccess,
  verifyToken,
} from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import type { Lifetimes } from "./session-rules.ts"
import type { SessionRow } from "./session-table.ts"
import { SigningKeys } from "./signing-keys.ts"

export interface TokenPair {
  readonly access: string
  readonly refresh: string
}

/** A user, in one of the user's sessions. */
export interface InSession extends User {
  readonly session: string
}

export class SessionTokens extends Context.Service<SessionTokens, {
  /**
   * Signs the pair of a session's current generation. The refresh token follows from the row alone;
   * the access token names its session, and does not outlive it.
   */
  readonly sign: (session: SessionRow, nowMs: number) => Effect.Effect<TokenPair, Transient>
  /**
   * The user and the session of an access token; the session may be over. Fails with a 401 Problem.
   */
  readonly access: (token: string) => Effect.Effect<InSession, Problem>
  /**
   * The user, the session and the generation of a refresh token; the session may be over. Fails
   * with a 401 Problem.
   */
  readonly refresh: (
    token: string,
  ) => Effect.Effect<InSession & { readonly generation: number }, Problem>
}>()("unwind/auth/SessionTokens") {}

const refreshTokenType = "rt+jwt"

export const sessionTokensLayer = (
  options: TokenOptions,
  { accessMs, idleMs }: Pick<Lifetimes, "accessMs" | "idleMs">,
): Layer.Layer<SessionTokens, never, SigningKeys> =>
  Layer.effect(
    SessionTokens,
    Effect.map(SigningKeys, ({ trust, sign }) => {
      const isAccess = verifyAccess(trust, options)
      const isRefresh = verifyToken(trust, {
        type: refreshTokenType,
        claims: refreshClaims(options),
        limits: () => userTokenLimits(Math.ceil(idleMs / 1000)),
      })
      return SessionTokens.of({
        sign: Effect.fnUntraced(function* (session, nowMs) {
          const { username, id, generation, rotatedAtMs, expiresAtMs, isOperator } = session
          const claims = (jti: string, issuedAtMs: number, expiresAtMs: number) => ({
            iss: options.issuer,
            aud: options.audience,
            sub: username,
            jti,
            iat: Math.floor(issuedAtMs / 1000),
            exp: Math.floor(expiresAtMs / 1000),
          })
          const untilMs = Math.min(nowMs + accessMs, expiresAtMs)
          return {
            access: yield* sign(accessTokenType, {
              ...claims(crypto.randomUUID(), nowMs, untilMs),
              sid: id,
              ...(isOperator && { role: "operator" }),
            }),
            refresh: yield* sign(
              refreshTokenType,
              claims(`${id}.${generation}`, rotatedAtMs, expiresAtMs),
            ),
          }
        }),
        access: (token) =>
          Effect.map(
            isAccess(token),
            ({ claims: { sub, sid } }) => ({ username: sub, session: sid }),
          ),
        refresh: (token) =>
          Effect.map(isRefresh(token), ({ claims: { sub, jti } }) => {
            const [session = "", generation] = jti.split(".")
            return { username: sub, session, generation: Number(generation) }
          }),
      })
    }),
  )
