/** Auth's routes: sign up, log in, tokens, and the public keys that prove them. */
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
import { isByTls } from "#shared/http/answer-headers.ts"
import { makeApp } from "#shared/http/app.ts"
import { publicBodyBytes, route, type RouteInput } from "#shared/http/route.ts"
import { Database } from "#shared/postgres/database.ts"
import {
  makeUserVerifier,
  type TokenOptions,
  UserVerifier,
  wrongToken,
} from "#shared/security/user-tokens.ts"
import { clientAddress } from "./client-address.ts"
import { jwksCachedMs } from "./key-rotation.ts"
import { makeLogIn } from "./log-in.ts"
import { NewUser } from "./new-user.ts"
import { Sessions } from "./sessions.ts"
import { makeSignUp } from "./sign-up.ts"
import { SigningKeys } from "./signing-keys.ts"
import { Turns } from "./turns.ts"
import { Users } from "./users.ts"

export interface AppOptions extends TokenOptions {
  readonly trustProxy: boolean
}

/** What tells where a request comes from. */
type Origin = Pick<RouteInput<never, never, never, never>, "request" | "remoteAddress">

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
    const verifier = makeUserVerifier(signingKeys.trust, options)
    const turns = yield* Turns
    const database = yield* Database
    const addressOf = ({ request, remoteAddress }: Origin) =>
      clientAddress(request, remoteAddress, options.trustProxy)

    const routes = yield* Effect.all([
      route({
        method: "POST",
        path: "/api/auth/users/",
        summary: "Sign up",
        tag: "users",
        body: { schema: NewUser, maxBytes, example: { ...ada, email: "ada@example.com" } },
        answer: { status: 201, description: "The user, who can log in now", schema: User },
        problems: [409, 429],
        handle: (input) => Effect.map(signUp(input.body, addressOf(input)), (body) => ({ body })),
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
        answer: {
          status: 200,
          description: "Tokens of a new session",
          schema: TokenPair,
          headers: {
            "set-cookie":
              "Tells this device from those of strangers: shown at the next log-in, it is not " +
              "refused for what others have failed.",
          },
        },
        problems: [401, 429],
        handle: (input) => {
          const { body: { username, password }, request, closing } = input
          return logIn(username, password, {
            request,
            address: addressOf(input),
            secure: isByTls(request, options.trustProxy),
            closing,
          }).pipe(
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
        summary: "Replace your tokens by the next ones",
        tag: "tokens",
        body: { schema: RefreshRequest, maxBytes, example: { refresh: "the refresh token" } },
        answer: {
          status: 200,
          description: "The next tokens; the refresh token in the request is used up",
          schema: TokenPair,
        },
        problems: [401],
        handle: (input) =>
          turns.refresh([addressOf(input)], sessions.refresh(input.body.refresh)).pipe(
            Effect.map((body) => ({ body })),
          ),
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
      route({
        method: "GET",
        path: "/.well-known/jwks.json",
        summary: "The public keys that prove users' tokens",
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
          "What services prove users' tokens by: the public keys, and the sessions that ended",
        tag: "keys",
        query: TrustedQuery,
        answer: {
          status: 200,
          description: "A JSON Web Key Set with the sessions that ended after the position",
          schema: Trusted,
        },
        handle: ({ query }) => Effect.map(signingKeys.trusted(query.after), (body) => ({ body })),
      }),
    ]).pipe(Effect.provideService(UserVerifier, verifier))
    return yield* makeApp({
      name: "auth",
      description: "Users, their log-ins and their tokens.",
      routes,
      ready: { database: database.ping },
    })
  })
