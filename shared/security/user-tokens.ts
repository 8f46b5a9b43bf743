/**
 * Checks users' access tokens by auth's public keys and the sessions that have ended. What cannot
 * be proved is refused: if the keys or sessions are missing or too old, the answer is 503, never a
 * pass.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { text, url, type Values } from "#shared/config/settings.ts"
import { toleratedSeconds } from "#shared/http/peer-clocks.ts"
import { Problem, unauthenticated } from "#shared/http/problem.ts"
import type { Access } from "./access.ts"
import { steadyMsOf } from "#shared/steady-time.ts"
import { accessClaims, type Issued, type Limits, type Times } from "./claims.ts"
import { bearerToken } from "./service-tokens.ts"
import { type Proof, type TokenKind, tokenProver } from "./token-proof.ts"
import { readTrustOf } from "./trust-of-auth.ts"
import { makeTrust, type ProvingKey, type Trust } from "./trust.ts"

export interface User {
  readonly username: string
  /** The role in the access token, beyond what every user may do. */
  readonly role?: "operator"
}

/**
 * The header in which the console forwards the access token of the operator on whose behalf it
 * asks.
 */
export const operatorHeader = "operator-authorization"

/** RFC 9068: the type of an access token. */
export const accessTokenType = "at+jwt"

export const tokenSettings = {
  TOKEN_ISSUER: text("the issuer named in users' tokens", "unwind"),
  TOKEN_AUDIENCE: text("the audience named in users' tokens", "unwind-api"),
}
export const userTokenSettings = {
  ...tokenSettings,
  JWKS_URL: url(
    "the address of auth's public keys and ended sessions, such as http://auth:9081/internal/jwks.json",
    ["http", "https"],
  ),
}

/** Checks the access tokens of users. */
export class UserVerifier extends Context.Service<UserVerifier, {
  /**
   * Lets in users with a valid access token. Fails with a 401 Problem, or 503 while it cannot be
   * checked.
   */
  readonly user: Access<User>
  /** Lets in only operators. Fails as above, and with a 403 Problem for other users. */
  readonly signedInOperator: Access<User>
  /** The operator whose access token the console forwards. Fails as above. */
  readonly handedOn: (request: Request) => Effect.Effect<User, Problem>
}>()("unwind/security/UserVerifier") {}

/**
 * One answer for every missing or invalid token, so that it does not reveal what was nearly right.
 */
export const wrongToken = unauthenticated(
  "The token is missing, wrong or expired. Log in to get one: POST /api/token/.",
)

const operatorsOnly = new Problem({
  status: 403,
  code: "operators_only",
  detail:
    "Only operators may do this. Grant the role with `npm run operators -- grant NAME`, and " +
    "log in again.",
})

const noOperatorToken = new Problem({
  status: 401,
  code: "operator_unauthenticated",
  detail: "The operator's token is missing, wrong or expired. Send it in the header " +
    "Operator-Authorization: Bearer TOKEN.",
})

/** Makes the guards from a function that proves who shows a token in a header. */
export const userVerifierBy = (
  shownIn: (header: string) => (request: Request) => Effect.Effect<User, Problem>,
): UserVerifier["Service"] => {
  const shown = shownIn("authorization")
  const handed = shownIn(operatorHeader)
  const operator = (user: Effect.Effect<User, Problem>) =>
    Effect.filterOrFail(user, ({ role }) => role === "operator", () => operatorsOnly)
  return {
    user: { scheme: "user", authorize: shown },
    signedInOperator: {
      scheme: "user",
      roles: ["operator"],
      authorize: (request) => operator(shown(request)),
    },
    handedOn: (request) =>
      operator(
        Effect.mapError(handed(request), (error) => error.status === 401 ? noOperatorToken : error),
      ),
  }
}

export type TokenOptions = Issued

const clockToleranceSeconds = 5

/** The tolerated difference between the clocks of auth and of a service that reads its tokens. */
export const userTokenLimits = (longestSeconds: number): Limits => ({
  longestSeconds,
  lateSeconds: clockToleranceSeconds,
  aheadSeconds: toleratedSeconds,
})

/**
 * Checks users' tokens of one kind, and returns their claims and key. Fails with a 401 Problem, or
 * 503 while they cannot be checked.
 */
export const verifyToken = <C extends Times>(trust: Trust, kind: TokenKind<C>) => {
  const prove = tokenProver(kind, trust.find)
  return Effect.fnUntraced(function* (
    token: string,
  ): Effect.fn.Return<Proof<C, ProvingKey>, Problem> {
    yield* trust.fresh
    return (yield* prove(token)) ?? (yield* wrongToken)
  })
}

/** Checks access tokens, and that their sessions have not ended. */
export const verifyAccess = (trust: Trust, options: TokenOptions) => {
  const verify = verifyToken(trust, {
    type: accessTokenType,
    claims: accessClaims(options),
    limits: () => userTokenLimits(trust.accessTokenSeconds()),
  })
  return (token: string) =>
    Effect.flatMap(
      verify(token),
      (proof) => trust.hasEnded(proof.claims.sid) ? Effect.fail(wrongToken) : Effect.succeed(proof),
    )
}

/** A client sends the same token again and again: it is verified once a minute. */
const provedForMs = 60_000
/** The oldest entry is evicted for a new one. */
const provedAtMost = 10_000

interface Proved {
  readonly user: User
  readonly session: string
  readonly kid: string
  readonly key: ProvingKey
  /** By the wall clock. */
  readonly expiresAtMs: number
  /** By steady time. */
  readonly untilMs: number
  /** The value of `trust.changes()` at the last check. */
  changes: number
}

/** Makes the function that proves who shows an access token in a header. */
export const makeShownIn = (trust: Trust, options: TokenOptions) => {
  const verify = verifyAccess(trust, options)
  const proved = new Map<string, Proved>()
  const prove = Effect.fnUntraced(function* (request: Request, header: string, steadyMs: number) {
    const token = yield* Effect.mapError(bearerToken(request, header), () => wrongToken)
    const changes = trust.changes()
    const { claims: { sub, sid, exp, role }, kid, key } = yield* verify(token)
    const user: User = { username: sub, ...(role !== undefined && { role }) }
    if (proved.size >= provedAtMost) proved.delete(proved.keys().next().value!)
    proved.set(request.headers.get(header)!, {
      user,
      session: sid,
      kid,
      key,
      expiresAtMs: (exp + clockToleranceSeconds) * 1000,
      untilMs: steadyMs + provedForMs,
      changes,
    })
    return user
  })
  const stands = (it: Proved, clock: Clock.Clock): boolean => {
    const steadyMs = steadyMsOf(clock)
    if (steadyMs > it.untilMs || clock.currentTimeMillisUnsafe() > it.expiresAtMs) return false
    if (!trust.isFresh(steadyMs)) return false
    const changes = trust.changes()
    if (it.changes === changes) return true
    if (trust.keyNamed(it.kid) !== it.key || trust.hasEnded(it.session)) return false
    it.changes = changes
    return true
  }
  const shownIn = (header: string) => (request: Request): Effect.Effect<User, Problem> =>
    Effect.clockWith((clock) => {
      const before = proved.get(request.headers.get(header) ?? "")
      if (before !== undefined && stands(before, clock)) return Effect.succeed(before.user)
      return prove(request, header, steadyMsOf(clock))
    })
  return shownIn
}

/** The verifier of access tokens, with keys and ended sessions from `trust`. */
export const makeUserVerifier = (trust: Trust, options: TokenOptions): UserVerifier["Service"] =>
  userVerifierBy(makeShownIn(trust, options))

/** The verifier that the settings configure. */
export const userVerifierLayer = (settings: Values<typeof userTokenSettings>) =>
  Layer.effect(
    UserVerifier,
    Effect.gen(function* () {
      const trust = yield* makeTrust(yield* readTrustOf(settings.JWKS_URL))
      yield* Effect.forkScoped(trust.kept)
      const { TOKEN_ISSUER: issuer, TOKEN_AUDIENCE: audience } = settings
      return makeUserVerifier(trust, { issuer, audience })
    }),
  )
