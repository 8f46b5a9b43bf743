/**
 * One of the three participants, started as its process starts it, on its own database, with its
 * own keys and a signer for tokens of every kind, valid and invalid.
 */
import { Effect, References, type Scope } from "effect"
import { importJWK, type JWK, SignJWT } from "jose"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Sql } from "postgres"
import { billing } from "#services/billing/service.ts"
import { items } from "#services/items/service.ts"
import { slots } from "#services/slots/service.ts"
import type { App } from "#shared/http/doors.ts"
import { Fetch } from "#shared/http/client.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import type { ServiceName } from "#shared/roster.ts"
import { startWithin } from "#shared/service/service.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { newDatabase, onlooker } from "../postgres/open-database.ts"

const services = {
  billing: (environment: Environment) => startWithin(billing, environment),
  items: (environment: Environment) => startWithin(items, environment),
  slots: (environment: Environment) => startWithin(slots, environment),
}

export type ParticipantName = keyof typeof services
type Environment = Readonly<Record<string, string | undefined>>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // deno-lint-ignore no-explicit-any
  readonly body: any
  readonly text: string
}

export interface Call {
  readonly method?: string
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface TokenParts {
  readonly issuer?: string
  readonly audience?: string
  readonly issuedAt?: number | null
  readonly expires?: number | null
  readonly header?: Readonly<Record<string, string>>
}

export interface RunningParticipant {
  readonly app: App
  readonly sql: Sql
  readonly databaseUrl: string
  /** With a body, it is a POST. */
  readonly call: (path: string, call?: Call) => Effect.Effect<Answer>
  /**
   * Signed with the key of that service; parts that are not given are valid. Times are in seconds
   * from now.
   */
  readonly token: (service: ServiceName, parts?: TokenParts) => Effect.Effect<string>
  /** Another process of the service, on the same database. */
  readonly replica: (environment?: Environment) => Effect.Effect<App, unknown, Scope.Scope>
}

export interface StartOptions {
  readonly environment?: Environment
  readonly fetch?: (request: Request) => Promise<Response>
  /** What leads to the database, if it is not connected directly. */
  readonly via?: (databaseUrl: string) => Effect.Effect<string, never, Scope.Scope>
}

export const startParticipant = (
  name: ParticipantName,
  { environment = {}, fetch, via }: StartOptions = {},
): Effect.Effect<RunningParticipant, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const databaseUrl = yield* newDatabase
    const sql = yield* onlooker(databaseUrl)
    const keys = keyFiles(yield* keyFolder)
    const replica = (more: Environment = {}) =>
      Effect.gen(function* () {
        const start = services[name]({
          DATABASE_URL: via ? yield* via(databaseUrl) : databaseUrl,
          SERVICE_PUBLIC_KEYS: keys.publicKeys,
          // An address without a name: a name that does not resolve would show in /readyz.
          JWKS_URL: "http://127.0.0.1/internal/jwks.json",
          ...environment,
          ...more,
        })
        return yield* fetch
          ? Effect.provideService(start, Fetch, (url, init) => fetch(new Request(url, init)))
          : start
      }).pipe(Effect.map(oneDoor), Effect.provideService(References.MinimumLogLevel, "None"))
    const app = yield* replica()
    return {
      app,
      sql,
      databaseUrl,
      replica,
      call: (path, call = {}) => Effect.promise(() => send(app, path, call)),
      token: (service, parts = {}) =>
        Effect.promise(() => signToken(name, keys.privateKey(service), service, parts)),
    }
  })

const keyFolder = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await mkdtemp(join(tmpdir(), "unwind-test-keys-"))
    await generateServiceKeys(folder)
    return folder
  }),
  (folder) => Effect.promise(() => rm(folder, { recursive: true })),
)

const signToken = async (
  self: string,
  keyFile: string,
  service: ServiceName,
  parts: TokenParts,
): Promise<string> => {
  const key = await importJWK(JSON.parse(await readFile(keyFile, "utf8")) as JWK, "EdDSA")
  const now = Math.floor(Date.now() / 1000)
  const { issuer = service, audience = self, issuedAt = 0, expires = 30, header } = parts
  const token = new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA", kid: service, typ: "svc+jwt", ...header })
    .setAudience(audience)
  if (issuer !== "") token.setIssuer(issuer)
  if (issuedAt !== null) token.setIssuedAt(now + issuedAt)
  if (expires !== null) token.setExpirationTime(now + expires)
  return await token.sign(key)
}

const send = async (
  app: App,
  path: string,
  { method, body, token, headers }: Call,
): Promise<Answer> => {
  const response = await app.request(path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get("content-type") ?? "")
  const { status, headers: answered } = response
  return { status, headers: answered, text, body: isJson && text !== "" ? JSON.parse(text) : text }
}
