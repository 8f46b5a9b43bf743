/** Auth's routes: sign up, log in, tokens, and the public keys that prove them. */
import { Effect, Schema } from "effect"
import {
  LogIn,
  PublicKeys,
  RefreshRequest,
  TokenPair,
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
import { clientAddress } from "./client-address.ts"
import { keysFreshMs } from "./key-rotation.ts"
import { makeLogIn } from "./log-in.ts"
import { makeLiveUser } from "./live-user.ts"
import { NewUser } from "./passwords.ts"
import { sessionRoutes } from "./session-routes.ts"
import type { Lifetimes } from "./session-rules.ts"
import { Sessions } from "./sessions.ts"
import { makeSignUp } from "./sign-up.ts"
import { SigningKeys } from "./signing-keys.ts"
import { Users } from "./users.ts"

export interface AppOptions extends TokenOptions, Lifetimes {
  readonly trustProxy: boolean
}

const maxBytes = publicBodyBytes

/** Whom the examples speak of. */
const ada = { username: "ada", password: "correct horse battery" }

/** Records a sign-up. The name of one that was refused is left out, unless there is such a user: it may be a typing error. */
const recordedSignUp = <A>(
  { record }: AuditTrail["Service"],
  username: string,
  address: string,
  signUp: Effect.Effect<A, Problem | Transient>,
) => {
  const about = { event: "sign-up", address }
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
    const database = yield* Database

    const jwks = yield* route({
      method: "GET",
      path: "/.well-known/jwks.json",
      summary: "The public keys that prove users' tokens",
      tag: "keys",
      answer: { status: 200, description: "A JSON Web Key Set", schema: PublicKeys },
      handle: () =>
        Effect.map(signingKeys.publicKeys, (keys) => ({
          body: { keys },
          headers: { "cache-control": `public, max-age=${keysFreshMs / 1000}` },
        })),
    })
    const own = Effect.all([
      route({
        method: "POST",
        path: "/api/auth/users/",
        summary: "Sign up",
        tag: "users",
        body: { schema: NewUser, maxBytes, example: { ...ada, email: "ada@example.com" } },
        answer: { status: 201, description: "The user, who can log in now", schema: User },
        problems: [409],
        handle: ({ body, request, remoteAddress }) => {
          const address = clientAddress(request, remoteAddress, options.trustProxy)
          return recordedSignUp(trail, body.username, address, signUp(body)).pipe(
            Effect.map((body) => ({ body })),
          )
        },
      }),
      route({
        method: "GET",
        path: "/api/auth/users/me/",
        summary: "Who you are",
        tag: "users",
        answer: { status: 200, description: "The user whose token it is", schema: User },
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
        answer: { status: 200, description: "Tokens of a new session", schema: TokenPair },
        problems: [401, 429],
        handle: ({ body: { username, password }, request, remoteAddress }) =>
          logIn(username, password, clientAddress(request, remoteAddress, options.trustProxy)).pipe(
            Effect.map((body) => ({ body })),
          ),
      }),
      route({
        method: "POST",
        path: "/api/token/refresh/",
        summary: "Replace your tokens by the next ones",
        tag: "tokens",
        body: { schema: RefreshRequest, maxBytes, example: { refresh: "the refresh token" } },
        answer: {
          status: 200,
          description: "The next tokens; the refresh token in the request is used up",
          schema: TokenPair,
        },
        problems: [401],
        handle: ({ body, request, remoteAddress }) =>
          sessions.refresh(
            body.refresh,
            clientAddress(request, remoteAddress, options.trustProxy),
          ).pipe(Effect.map((body) => ({ body }))),
      }),
      route({
        method: "POST",
        path: "/api/token/verify/",
        summary: "Ask whether a token is valid",
        tag: "tokens",
        body: { schema: VerifyRequest, maxBytes, example: { token: "either token" } },
        answer: { status: 200, description: "The token is valid", schema: Schema.Struct({}) },
        problems: [401],
        handle: ({ body }) => Effect.as(sessions.verify(body.token), { body: {} }),
      }),
    ])
    const routes = yield* Effect.all([own, accountRoutes(options), sessionRoutes(options)]).pipe(
      Effect.map((routes) => routes.flat()),
      Effect.provideServiceEffect(UserVerifier, makeLiveUser(options)),
    )
    return yield* makeApp({
      name: "auth",
      description: "Users, their log-ins and their tokens.",
      // Services ask for the keys at the internal door, which what is public cannot crowd.
      routes: [{ ...jwks, internal: true }, ...routes, jwks],
      ready: { database: database.ping },
    })
  })
