/** Auth's routes: sign up, log in, tokens, and the public keys that verify them. */
import { Effect, Schema } from "effect"
import {
  LogIn,
  PublicKeys,
  RefreshRequest,
  TokenPair,
  Trusted,
  TrustedQuery,
  User,
  VerifyRequest,
} from "#shared/contracts/auth.ts"
import { makeApp } from "#shared/http/app.ts"
import type { Problem } from "#shared/http/problem.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Database } from "#shared/postgres/database.ts"
import { type TokenOptions, UserVerifier, wrongToken } from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { accountRoutes } from "./account-routes.ts"
import { AuditTrail, endingOf } from "./audit-trail.ts"
import { firstOperatorRoute } from "./first-operator.ts"
import { jwksCachedMs } from "./key-rotation.ts"
import { makeLogIn } from "./log-in.ts"
import { NewUser } from "./new-user.ts"
import { originOf, type TrustProxy } from "./origin.ts"
import { makeLiveUser } from "./live-user.ts"
import { sessionRoutes } from "./session-routes.ts"
import type { Lifetimes } from "./session-rules.ts"
import { Sessions } from "./sessions.ts"
import { makeSignUp } from "./sign-up.ts"
import { SigningKeys } from "./signing-keys.ts"
import { trailRoutes } from "./trail-routes.ts"
import { Turns } from "./turns.ts"
import { Users } from "./users.ts"

export interface AppOptions extends TokenOptions, Lifetimes, TrustProxy {}

const maxBytes = publicBodyBytes

/** The user of the examples. */
const ada = { username: "ada", password: "correct horse battery" }

/**
 * Records a sign-up. The name of a refused one is left out unless it is taken, since it may be a
 * typing error.
 */
const recordedSignUp = <A>(
  { record }: AuditTrail["Service"],
  username: string,
  address: string,
  signUp: Effect.Effect<A, Problem | Transient>,
) => {
  const about = { event: "sign-up" as const, address }
  return signUp.pipe(
    Effect.tap(() => record({ ...about, username, outcome: "done" })),
    Effect.tapError((error) => {
      const ending = endingOf(error)
      const isKnown = ending.reason === "username_taken"
      return record({ ...about, ...(isKnown && { username }), ...ending })
    }),
  )
}

export const authApp = (options: AppOptions) =>
  Effect.gen(function* () {
    const users = yield* Users
    const sessions = yield* Sessions
    const signingKeys = yield* SigningKeys
    const signUp = yield* makeSignUp
    const logIn = yield* makeLogIn
    const trail = yield* AuditTrail
    const turns = yield* Turns
    const database = yield* Database
    const own = Effect.all([
      route({
        method: "POST",
        path: "/api/auth/users/",
        summary: "Sign up",
        tag: "users",
        body: { schema: NewUser, maxBytes, example: { ...ada, email: "ada@example.com" } },
        answer: { status: 201, description: "The user, who can log in now", schema: User },
        problems: [409, 429],
        handle: (input) => {
          const { address } = originOf(input, options)
          return recordedSignUp(trail, input.body.username, address, signUp(input.body, address))
            .pipe(Effect.map((body) => ({ body })))
        },
      }),
      route({
        method: "GET",
        path: "/api/auth/users/me/",
        summary: "Your user",
        tag: "users",
        answer: { status: 200, description: "The user of the token", schema: User },
        handle: Effect.fnUntraced(function* ({ caller: { username } }) {
          const found = yield* users.find(username)
          return found === undefined
            ? yield* wrongToken
            : { body: { username, email: found.email } }
        }),
      }),
      route({
        method: "POST",
        path: "/api/token/",
        summary: "Log in",
        tag: "tokens",
        body: { schema: LogIn, maxBytes, example: ada },
        answer: {
          status: 200,
          description: "Tokens of a new session",
          schema: TokenPair,
          headers: {
            "set-cookie":
              "Identifies this device: a later log-in that shows it is not refused because of " +
              "the failures of others.",
          },
        },
        problems: [401, 429],
        handle: (input) => {
          const { username, password } = input.body
          return logIn(username, password, originOf(input, options)).pipe(
            Effect.map(({ tokens, cookie }) => ({
              body: tokens,
              headers: { "set-cookie": cookie },
            })),
          )
        },
      }),
      route({
        method: "POST",
        path: "/api/token/refresh/",
        summary: "Exchange your refresh token for new tokens",
        tag: "tokens",
        body: { schema: RefreshRequest, maxBytes, example: { refresh: "the refresh token" } },
        answer: {
          status: 200,
          description: "New tokens; the refresh token in the request is used up",
          schema: TokenPair,
        },
        problems: [401],
        handle: (input) => {
          const { address } = originOf(input, options)
          return turns.refresh([address], sessions.refresh(input.body.refresh, address)).pipe(
            Effect.map((body) => ({ body })),
          )
        },
      }),
      route({
        method: "POST",
        path: "/api/token/verify/",
        summary: "Check whether a token is valid",
        tag: "tokens",
        body: { schema: VerifyRequest, maxBytes, example: { token: "either token" } },
        answer: { status: 200, description: "The token is valid", schema: Schema.Struct({}) },
        problems: [401],
        handle: ({ body }) => Effect.as(sessions.verify(body.token), { body: {} }),
      }),
      route({
        method: "GET",
        path: "/.well-known/jwks.json",
        summary: "The public keys that verify users' tokens",
        tag: "keys",
        answer: { status: 200, description: "A JSON Web Key Set", schema: PublicKeys },
        handle: () =>
          Effect.map(signingKeys.publicKeys, (keys) => ({
            body: { keys },
            headers: { "cache-control": `public, max-age=${jwksCachedMs / 1000}, must-revalidate` },
          })),
      }),
      route({
        method: "GET",
        path: "/internal/jwks.json",
        summary:
          "What services verify users' tokens with: the public keys, and the sessions that ended",
        tag: "keys",
        query: TrustedQuery,
        answer: {
          status: 200,
          description: "A JSON Web Key Set with the sessions that ended after the position",
          schema: Trusted,
        },
        handle: ({ query }) => Effect.map(signingKeys.trusted(query.after), (body) => ({ body })),
      }),
    ])
    const first = Effect.map(firstOperatorRoute, (route) => [route])
    const parts = [own, accountRoutes(options), sessionRoutes(options), trailRoutes, first] as const
    const routes = yield* Effect.all(parts).pipe(
      Effect.map((routes) => routes.flat()),
      Effect.provideServiceEffect(UserVerifier, makeLiveUser(options)),
    )
    return yield* makeApp({
      name: "auth",
      description: "Users, their log-ins and their tokens.",
      routes,
      ready: { database: database.ping },
    })
  })
