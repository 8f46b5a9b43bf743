/**
 * Authentication between services: each service signs its own short-lived tokens (EdDSA; iss =
 * itself, aud = the callee) with its own key, and each internal route names the callers it lets in.
 * No secret is shared, and a compensation never depends on a user's token.
 */
import { Cache, Clock, Context, Effect, Exit, Layer, Schema } from "effect"
import { createLocalJWKSet, importJWK, type JSONWebKeySet, type JWK, SignJWT } from "jose"
import { readFile } from "node:fs/promises"
import { text } from "#shared/config/settings.ts"
import { toleratedSeconds } from "#shared/http/peer-clocks.ts"
import { Problem, unauthenticated } from "#shared/http/problem.ts"
import type { Access } from "./access.ts"
import type { ServiceName } from "#shared/roster.ts"
import { bySteadyTime } from "#shared/steady-time.ts"
import { serviceClaims } from "./claims.ts"
import { tokenProver } from "./token-proof.ts"

/**
 * How long a token is used, and how long it is valid if clocks agree. The two are equal, so that a
 * callee whose clock differs by the tolerance, in either direction, accepts every token.
 */
const lifetimeSeconds = 30
/** The header type of service tokens, so that none passes for a user's token. */
export const serviceTokenType = "svc+jwt"

/** A key file is missing or not a key; the message names the setting and the remedy. */
export class KeyError extends Schema.TaggedError<KeyError>()("KeyError", {
  message: Schema.String,
}) {}

export const privateKeySetting = {
  SERVICE_PRIVATE_KEY: text(
    "the file with this service's private key (JWK); `npm run keys` makes one",
  ),
}
export const publicKeysSetting = {
  SERVICE_PUBLIC_KEYS: text(
    "the file with all services' public keys (JWKS); `npm run keys` makes one",
  ),
}

/**
 * The message contains nothing of the file, which may be a private key; an error of JSON.parse
 * would quote it.
 */
const loadKeys = <A>(setting: string, file: string, make: (content: unknown) => A | Promise<A>) =>
  Effect.tryPromise({
    try: async () => await make(JSON.parse(await readFile(file, "utf8"))),
    catch: (error) =>
      new KeyError({
        message: `${setting}: cannot use ${file} (${
          (error as { readonly code?: string }).code ?? "it holds no such key"
        }). Make it with \`npm run keys\``,
      }),
  })

const importPrivateKey = async (content: unknown): Promise<CryptoKey> => {
  const key = await importJWK(content as JWK, "EdDSA")
  if (!(key instanceof CryptoKey) || key.type !== "private") throw new TypeError("no private key")
  return key
}

/** Signs this service's tokens: a fresh one for each callee every 30 seconds. */
export class ServiceSigner extends Context.Service<ServiceSigner, {
  readonly tokenFor: (callee: ServiceName) => Effect.Effect<string>
}>()("unwind/security/ServiceSigner") {}

/** Fails with KeyError. */
export const serviceSignerLayer = (self: ServiceName, privateKeyFile: string) =>
  Layer.effect(
    ServiceSigner,
    Effect.gen(function* () {
      const key = yield* loadKeys("SERVICE_PRIVATE_KEY", privateKeyFile, importPrivateKey)
      const sign = (callee: ServiceName, issuedAt: number) =>
        Effect.promise(() =>
          new SignJWT({})
            .setProtectedHeader({ alg: "EdDSA", kid: self, typ: serviceTokenType })
            .setIssuer(self)
            .setAudience(callee)
            .setIssuedAt(issuedAt)
            .setExpirationTime(issuedAt + lifetimeSeconds)
            .sign(key)
        )
      const tokens = new Map<ServiceName, { readonly token: string; readonly issuedAt: number }>()
      return ServiceSigner.of({
        tokenFor: Effect.fnUntraced(function* (callee) {
          const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
          const last = tokens.get(callee)
          const age = nowSeconds - (last?.issuedAt ?? -Infinity)
          // A token from the future was made before the clock was set back.
          if (last !== undefined && age >= 0 && age < lifetimeSeconds) return last.token
          const token = yield* sign(callee, nowSeconds)
          tokens.set(callee, { token, issuedAt: nowSeconds })
          return token
        }),
      })
    }),
  )

/** Checks the tokens of calling services. */
export class ServiceVerifier extends Context.Service<ServiceVerifier, {
  /**
   * Lets in the named callers. Fails with a 401 Problem for an invalid token, 403 for other
   * callers.
   */
  readonly only: (...callers: ReadonlyArray<ServiceName>) => Access<ServiceName>
}>()("unwind/security/ServiceVerifier") {}

/**
 * The token in the Authorization header, or another header of that form. Fails with a 401 Problem.
 */
export const bearerToken = (
  request: Request,
  header = "authorization",
): Effect.Effect<string, Problem> => {
  const match = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.get(header) ?? "")
  return match?.[1] !== undefined && match[1].length <= 4096
    ? Effect.succeed(match[1])
    : Effect.fail(unauthenticated("Send a token in the header Authorization: Bearer TOKEN."))
}

const limits = {
  longestSeconds: lifetimeSeconds,
  lateSeconds: toleratedSeconds,
  aheadSeconds: toleratedSeconds,
}

const wrongToken = unauthenticated(
  "The token is not valid for this service, or has expired. Get a new one.",
)

/** Fails with KeyError. */
export const serviceVerifierLayer = (self: ServiceName, publicKeysFile: string) =>
  Layer.effect(
    ServiceVerifier,
    Effect.gen(function* () {
      const keys = yield* loadKeys("SERVICE_PUBLIC_KEYS", publicKeysFile, (content) =>
        createLocalJWKSet(content as JSONWebKeySet))
      const keyNamed = (kid: string) =>
        Effect.promise(() =>
          keys({ alg: "EdDSA", kid }).then((key) => ({ key }), () =>
            undefined)
        )
      const prove = tokenProver({
        type: serviceTokenType,
        claims: serviceClaims(self),
        limits: () => limits,
      }, keyNamed)
      const clock = yield* Clock.Clock
      const verify = (token: string) =>
        // The cache uses steady time, but tokens use the time of day.
        Effect.provideService(prove(token), Clock.Clock, clock).pipe(
          Effect.flatMap((proof) =>
            // The key proves the caller: a service cannot speak in another's name.
            proof !== undefined && proof.claims.iss === proof.kid
              ? Effect.succeed(proof.claims.iss)
              : Effect.fail(wrongToken)
          ),
        )
      const callers = yield* Cache.makeWith(verify, {
        capacity: 64,
        timeToLive: (exit) => Exit.isSuccess(exit) ? "10 seconds" : "0 millis",
      })
      return ServiceVerifier.of({
        only: (...allowed) => ({
          scheme: "service",
          authorize: (request) =>
            bearerToken(request).pipe(
              Effect.flatMap((token) => bySteadyTime(Cache.get(callers, token))),
              Effect.filterOrFail(
                (caller) => allowed.includes(caller),
                (caller) =>
                  new Problem({
                    status: 403,
                    code: "forbidden",
                    detail: `${caller} may not call this route.`,
                  }),
              ),
            ),
        }),
      })
    }),
  )
