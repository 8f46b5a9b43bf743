/**
 * An auth service for one test: the real one, on a database of its own, with doubles of billing and
 * orders. Times are those of the test's clock.
 */
import { Clock, Effect, Layer, References, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import createClient, { type Sql } from "postgres"
import { authLayers, authSettings, makeAuthApp } from "#services/auth/service.ts"
import { upkeep } from "#services/auth/upkeep.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"
import type { App } from "#shared/http/doors.ts"
import { Fetch } from "#shared/http/client.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { BillingDouble } from "./billing-double.ts"
import { OrdersDouble } from "./orders-double.ts"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // deno-lint-ignore no-explicit-any
  readonly body: Readonly<Record<string, any>>
}

export interface Pair {
  readonly access: string
  readonly refresh: string
}

export interface RunningAuth {
  readonly app: App
  readonly billing: BillingDouble
  readonly orders: OrdersDouble
  readonly sql: Sql
  /**
   * Sends a request. A body makes it a POST unless the method is given. A token goes into its
   * Authorization header.
   */
  readonly call: (path: string, options?: CallOptions) => Effect.Effect<Answer>
  /** Runs the service's upkeep once. It does not run by itself here, so the clock can be moved. */
  readonly upkeep: Effect.Effect<void>
  readonly environment: Readonly<Record<string, string>>
  /** A second replica: another app on the same database and billing. */
  readonly replica: Effect.Effect<RunningAuth, unknown, Scope.Scope>
  /** The same auth with other settings, on the same database, billing and orders. */
  readonly restarted: (
    settings: Readonly<Record<string, string>>,
  ) => Effect.Effect<RunningAuth, unknown, Scope.Scope>
}

export interface CallOptions {
  readonly method?: string
  readonly body?: unknown
  readonly token?: string
  readonly headers?: Record<string, string>
  readonly address?: string
}

export const startAuth = (
  settings: Readonly<Record<string, string>> = {},
  // Failures that a test causes are logged as warnings.
  logLevel: "Error" | "Debug" = "Error",
): Effect.Effect<RunningAuth, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Effect.acquireRelease(
      Effect.promise(() => createDatabase("auth")),
      ({ drop }) => Effect.promise(drop),
    )
    const sql = yield* Effect.acquireRelease(
      Effect.sync(() => createClient(database.url, { max: 2, onnotice: () => {} })),
      (sql) => Effect.promise(() => sql.end()),
    )
    const keys = keyFiles(yield* serviceKeys)
    const environment = {
      DATABASE_URL: database.url,
      BILLING_URL: "http://billing.test/",
      ORDERS_URL: "http://orders.test/",
      SERVICE_PRIVATE_KEY: keys.privateKey("auth"),
      SERVICE_PUBLIC_KEYS: keys.publicKeys,
      SIGNING_KEYS_SECRET_FILE: keys.signingKeysSecret,
      ...settings,
    }
    return yield* start(environment, sql, new BillingDouble(), new OrdersDouble()).pipe(
      Effect.provideService(References.MinimumLogLevel, logLevel),
    )
  })

const start = (
  environment: Readonly<Record<string, string>>,
  sql: Sql,
  billing: BillingDouble,
  orders: OrdersDouble,
): Effect.Effect<RunningAuth, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const fetch = yield* Fetch
    const settings = yield* Effect.provideService(
      readSettings(authSettings),
      Environment,
      environment,
    )
    const context = yield* Layer.build(authLayers(settings))
    const app = oneDoor(yield* Effect.provideContext(makeAuthApp(settings), context))
    return {
      app,
      billing,
      orders,
      sql,
      environment,
      call: (path, options = {}) => Effect.promise(() => send(app, path, options)),
      upkeep: upkeep.pipe(
        Effect.provideContext(context),
        Effect.provideService(Fetch, fetch),
      ),
      replica: start(environment, sql, billing, orders),
      restarted: (settings) => start({ ...environment, ...settings }, sql, billing, orders),
    } satisfies RunningAuth
  }).pipe(
    Effect.provideService(Fetch, (url, init) => {
      const { fetch } = new URL(url).hostname === "orders.test" ? orders : billing
      return fetch(new Request(url, init))
    }),
  )

const serviceKeys = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await mkdtemp(join(tmpdir(), "unwind-auth-keys-"))
    await generateServiceKeys(folder)
    return folder
  }),
  (folder) => Effect.promise(() => rm(folder, { recursive: true })),
)

const send = async (
  app: App,
  path: string,
  { method, body, token, headers, address }: CallOptions,
): Promise<Answer> => {
  const response = await app.request(path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      // The only part of a problem that differs from one request to the next.
      "x-request-id": "test",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  }, address === undefined ? {} : { remoteAddress: address })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? {} : JSON.parse(text),
  }
}

export const ann = { username: "ann", password: "correct horse battery", email: "ann@example.org" }

export const signUp = ({ call }: RunningAuth, user: unknown = ann) =>
  call("/api/auth/users/", { body: user })

export const logIn = (
  { call }: RunningAuth,
  { username, password }: { username: string; password: string } = ann,
  options: CallOptions = {},
) => call("/api/token/", { body: { username, password }, ...options })

/** Signs Ann up and logs her in. */
export const annsTokens = (running: RunningAuth): Effect.Effect<Pair> =>
  Effect.andThen(signUp(running), Effect.map(logIn(running), ({ body }) => body as Pair))

/** Records that a session has ended, ten minutes before its last token expires. */
export const endSession = ({ sql }: RunningAuth, session: string) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.promise(() =>
      sql`
        insert into ended_sessions (session, ended_at, tokens_until)
        values (${session}, ${new Date(now)}, ${new Date(now + 600_000)})`
    ))

/** Waits for databases and hashes, which do not follow the test's clock. */
export const until = (condition: () => boolean | Promise<boolean>): Effect.Effect<void> =>
  Effect.promise(async () => {
    const deadlineMs = Date.now() + patienceMs
    while (!await condition()) {
      if (Date.now() > deadlineMs) throw new Error("The condition did not hold in time")
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })

/** Runs the effect while the test's time passes, a tenth of a second at a time. */
export const asTimePasses = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.raceFirst(
    effect,
    Effect.forever(Effect.andThen(
      Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5))),
      TestClock.adjust("100 millis"),
    )) as Effect.Effect<never>,
  )
