/**
 * An orders service for tests: the real one, on a database of its own and with a stream of its own
 * in a real Redis. A key of the tests signs its users' tokens. Decisions are sent with the
 * orchestrator's token.
 */
import { afterAll, beforeAll } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Metric, References, Result, Scope } from "effect"
import { Redis } from "ioredis"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import createClient, { type Sql } from "postgres"
import { orders } from "#services/orders/service.ts"
import { type Decided, type Decision, packed } from "#shared/contracts/decision.ts"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { App } from "#shared/http/doors.ts"
import { Fetch } from "#shared/http/client.ts"
import { decodeEntry } from "#shared/queue/entry.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { ServiceSigner, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { accessTokenType } from "#shared/security/user-tokens.ts"
import { startWithin } from "#shared/service/service.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import { auths } from "#tests/support/auths-answer.ts"
import { anyRedis } from "#tests/support/redis.ts"
import { oneDoor } from "#tests/support/one-door.ts"

export interface CallOptions {
  /** The user whose token is sent: "ann" by default, and no token for null. */
  readonly user?: string | null
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly method?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // deno-lint-ignore no-explicit-any
  readonly body: any
}

export interface RunningOrders {
  readonly app: App
  /** Direct access to the database. */
  readonly sql: Sql
  readonly environment: Readonly<Record<string, string>>
  /** Sends a request. A body makes it a POST. */
  readonly call: (path: string, options?: CallOptions) => Effect.Effect<Answer>
  readonly request: (path: string, options?: CallOptions) => Promise<Response>
  readonly decide: (
    ...decisions: ReadonlyArray<Omit<Decision, "timeline"> & Partial<Decision>>
  ) => Effect.Effect<ReadonlyArray<Decided>>
  /** What is in the stream, oldest first. */
  readonly published: Effect.Effect<ReadonlyArray<OrderMessage>>
  /** Another replica, on the same database and stream. */
  readonly replica: (
    settings?: Readonly<Record<string, string>>,
  ) => Effect.Effect<RunningOrders, unknown, Scope.Scope>
}

const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" })
const trusted = auths([{ ...(await exportJWK(publicKey)), kid: "tests" }])

/** Valid for as long as any test, whatever the clock of that test says. */
export const tokenOf = (username: string, role?: "operator"): Promise<string> =>
  new SignJWT({ sid: crypto.randomUUID(), ...(role !== undefined && { role }) })
    .setProtectedHeader({ alg: "EdDSA", kid: "tests", typ: accessTokenType })
    .setIssuer("unwind")
    .setAudience("unwind-api")
    .setSubject(username)
    .setJti(crypto.randomUUID())
    .setIssuedAt(0)
    .setExpirationTime("900 years")
    .sign(privateKey)

/** Auth's answer to the service that reads the keys which verify users' tokens. */
export const authsKeys = (): Promise<Response> => Promise.resolve(Response.json(trusted))

/** A folder with the keys of all services, removed when the scope closes. */
export const serviceKeys: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await mkdtemp(join(tmpdir(), "unwind-orders-keys-"))
    await generateServiceKeys(folder)
    return folder
  }),
  (folder) => Effect.promise(() => rm(folder, { recursive: true })),
)

/** A client of a service's database. */
export const clientOf = (url: string): Effect.Effect<Sql, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => createClient(url, { max: 4, onnotice: () => {} })),
    (sql) => Effect.promise(() => sql.end()),
  )

/** The URL of a new database, dropped when the scope closes. */
export const databaseOf = (name: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => createDatabase(name)),
    ({ drop }) => Effect.promise(drop),
  ).pipe(Effect.map(({ url }) => url))

const redisUrl: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(anyRedis),
  ({ kill }) => Effect.promise(kill),
).pipe(Effect.map(({ url }) => url))

/** The settings of an orders service with a database and a stream of its own. */
export const ordersEnvironment = Effect.gen(function* () {
  const keys = keyFiles(yield* serviceKeys)
  return {
    DATABASE_URL: yield* databaseOf("orders"),
    QUEUE_URL: yield* redisUrl,
    QUEUE_STREAM: `orders-${crypto.randomUUID()}`,
    // Late, so that a test does not take the sweeper's publication for the publisher's.
    REPUBLISH_AFTER: "1 hour",
    ...plentyOfOrders,
    JWKS_URL: "http://auth.test/internal/jwks.json",
    SERVICE_PUBLIC_KEYS: keys.publicKeys,
    SERVICE_PRIVATE_KEY: keys.privateKey("orchestrator"),
  }
})

type Settings = Readonly<Record<string, string>>

/** Starts an orders service until the scope closes. */
export const startOrders = (
  settings: Settings = {},
): Effect.Effect<RunningOrders, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const environment = yield* ordersEnvironment
    const sql = yield* clientOf(environment.DATABASE_URL)
    const redis = yield* Effect.acquireRelease(
      Effect.sync(() => new Redis(environment.QUEUE_URL, { protocol: 2 })),
      (redis) => Effect.sync(() => redis.disconnect()),
    )
    return yield* start({ ...environment, ...settings }, sql, redis)
  })

const start = (
  environment: Settings,
  sql: Sql,
  redis: Redis,
): Effect.Effect<RunningOrders, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const app = yield* startWithin(orders, environment).pipe(
      Effect.map(oneDoor),
      Effect.provideService(Fetch, authsKeys),
      // Outside of tests, each replica is a process with metrics of its own.
      Effect.provideService(Metric.MetricRegistry, new Map()),
      // Failures that a test causes are logged as warnings.
      Effect.provideService(References.MinimumLogLevel, "Error"),
    )
    const signer = Context.get(
      yield* Layer.build(serviceSignerLayer("orchestrator", environment.SERVICE_PRIVATE_KEY!)),
      ServiceSigner,
    )
    const request = (path: string, options: CallOptions = {}) => send(app, path, options)
    return {
      app,
      sql,
      environment,
      request,
      call: (path, options) => Effect.promise(() => answered(request(path, options))),
      decide: (...decisions) =>
        Effect.gen(function* () {
          const authorization = `Bearer ${yield* signer.tokenFor("orders")}`
          const body = packed(decisions.map((decision) => ({ timeline: [], ...decision })))
          const options = { user: null, body, headers: { authorization } }
          const answer = yield* Effect.promise(() =>
            answered(request("/internal/decisions", options))
          )
          if (answer.status === 200) return answer.body.decisions
          return yield* Effect.die(
            new Error(`The decisions were refused: ${JSON.stringify(answer.body)}`),
          )
        }),
      published: Effect.promise(async () => {
        const entries = await redis.xrange(environment.QUEUE_STREAM!, "-", "+")
        return entries.map(([, fields]) => Result.getOrThrow(decodeEntry(fields)))
      }),
      replica: (settings) => start({ ...environment, ...settings }, sql, redis),
    }
  })

const tokens = new Map<string, Promise<string>>()

const send = async (
  app: App,
  path: string,
  { user = "ann", body, headers, method }: CallOptions,
): Promise<Response> => {
  if (user !== null && !tokens.has(user)) tokens.set(user, tokenOf(user))
  return await app.request(path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(user !== null && { authorization: `Bearer ${await tokens.get(user)}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

const answered = async (response: Promise<Response>): Promise<Answer> => {
  const { status, headers, ...rest } = await response.then(async (r) => ({
    status: r.status,
    headers: r.headers,
    text: await r.text(),
  }))
  return { status, headers, body: rest.text === "" ? undefined : JSON.parse(rest.text) }
}

/** One orders service for all tests of a file. */
export const sharedOrders = (settings?: Settings): () => RunningOrders => {
  const scope = Scope.makeUnsafe()
  let running: RunningOrders
  beforeAll(async () => {
    running = await Effect.runPromise(Scope.provide(startOrders(settings), scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return () => running
}

export const wanted = { amount: 19.99, item: 1, slot: "09:00" }

/** Places an order that must be accepted. */
export const place = (
  { call }: RunningOrders,
  options: CallOptions = {},
): Effect.Effect<OrderDetails> =>
  Effect.flatMap(
    call("/api/orders/", { body: wanted, ...options }),
    ({ status, body }) =>
      status === 201
        ? Effect.succeed(body)
        : Effect.die(new Error(`The order was refused: ${JSON.stringify(body)}`)),
  )

/** A username that no other test uses. */
export const someone = (): string => `user-${crypto.randomUUID()}`
