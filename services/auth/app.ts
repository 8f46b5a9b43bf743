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
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Database } from "#shared/postgres/database.ts"
import {
  makeUserVerifier,
  type TokenOptions,
  UserVerifier,
  wrongToken,
} from "#shared/security/user-tokens.ts"
import { clientAddress } from "./client-address.ts"
import { keysFreshMs } from "./key-rotation.ts"
import { makeLogIn } from "./log-in.ts"
import { NewUser } from "./passwords.ts"
import { Sessions } from "./sessions.ts"
import { makeSignUp } from "./sign-up.ts"
import { SigningKeys } from "./signing-keys.ts"
import { Users } from "./users.ts"

export interface AppOptions extends TokenOptions {
  readonly trustProxy: boolean
}

const maxBytes = publicBodyBytes

/** Whom the examples speak of. */
const ada = { username: "ada", password: "correct horse battery" }

export const authApp = (options: AppOptions) =>
  Effect.gen(function* () {
    const users = yield* Users
    const sessions = yield* Sessions
    const signingKeys = yield* SigningKeys
    const signUp = yield* makeSignUp
    const logIn = yield* makeLogIn
    const verifier = yield* makeUserVerifier(signingKeys.keyOf, options)
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
    const routes = yield* Effect.all([
      route({
        method: "POST",
        path: "/api/auth/users/",
        summary: "Sign up",
        tag: "users",
        body: { schema: NewUser, maxBytes, example: { ...ada, email: "ada@example.com" } },
        answer: { status: 201, description: "The user, who can log in now", schema: User },
        problems: [409],
        handle: ({ body }) => Effect.map(signUp(body), (body) => ({ body })),
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
        handle: ({ body }) => Effect.map(sessions.refresh(body.refresh), (body) => ({ body })),
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
    ]).pipe(Effect.provideService(UserVerifier, verifier))
    return yield* makeApp({
      name: "auth",
      description: "Users, their log-ins and their tokens.",
      // Services ask for the keys at the internal door, which what is public cannot crowd.
      routes: [{ ...jwks, internal: true }, ...routes, jwks],
      ready: { database: database.ping },
    })
  })
