/**
 * The console and all services, each real and on a database of its own, in one process. A test can
 * disturb the requests to a service, and look at the effects of an action without the console.
 */
import { Effect, type Scope } from "effect"
import createClient, { type Sql } from "postgres"
import { operatorTable } from "#services/auth/operator-table.ts"
import type { Apps } from "#compose/embedded/services.ts"
import { Database, databaseLayer } from "#shared/postgres/database.ts"
import type { ServiceName } from "#shared/roster.ts"
import { type Customer, startRunningServicesWith } from "#tests/security/running-services.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"

/** What happens to a request to a service. `answer` lets it take effect. */
export type Conduct = (answer: () => Promise<Response>, request: Request) => Promise<Response>

export const isDown: Conduct = () => Promise.reject(new TypeError("connection refused"))
export const losesAnswers: Conduct = async (answer) => {
  await answer()
  throw new TypeError("fetch failed", { cause: { code: "ECONNRESET" } })
}
export const hangs: Conduct = (_, { signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // deno-lint-ignore no-explicit-any
  readonly body: any
}

export interface RunningConsole {
  readonly apps: Apps
  readonly ann: Customer
  /** An operator. */
  readonly olga: Customer
  readonly operator: () => Promise<Customer>
  /** Sends a request to the console, as olga or as `by`. A body makes it a POST. */
  readonly ask: (
    path: string,
    options?: {
      readonly by?: string
      readonly body?: unknown
      readonly headers?: Record<string, string>
    },
  ) => Promise<Answer>
  /** The undecoded response, such as a stream. */
  readonly open: (path: string, by?: string) => Promise<Response>
  /** Places an order as ann, and returns its id. */
  readonly place: (more?: Readonly<Record<string, unknown>>) => Promise<string>
  readonly statusOf: (id: string) => Promise<string>
  /** Applies a conduct to the requests to a service, until `restore`. */
  readonly disturb: (service: ServiceName, conduct: Conduct) => void
  readonly restore: () => void
  /** How many requests for the path the service received. */
  readonly asked: (service: ServiceName, path: string) => number
  /** The entries of the audit trail for olga's or another operator's actions, oldest first. */
  readonly trail: (username?: string) => Promise<
    ReadonlyArray<{
      readonly event: string
      readonly outcome: string
      readonly target: string | null
      readonly why: string
      readonly code: string | null
      readonly address: string | null
    }>
  >
  /** Revokes the role as `npm run operators -- revoke` does. */
  readonly revoke: (username: string) => Promise<void>
  readonly sql: (service: ServiceName) => Sql
}

/** Starts the console, with more settings for the services. */
export const startConsoleWith = (
  more: Readonly<Record<string, string>>,
): Effect.Effect<RunningConsole, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const services = yield* startRunningServicesWith(more)
    const { databases, send } = services
    const counts = new Map<string, number>()
    const conducts = wired(services.apps, counts)
    const [ann, olga] = yield* Effect.promise(() =>
      Promise.all([services.customer(), services.operator()])
    )
    const clients = new Map<ServiceName, Sql>()
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all([...clients.values()].map((client) => client.end())))
    )
    const sql = (service: ServiceName) => {
      const client = clients.get(service) ??
        createClient(databases[service]!, { max: 2, onnotice: () => {} })
      clients.set(service, client)
      return client
    }
    const headersOf = (access: string) => ({
      authorization: `Bearer ${access}`,
      "content-type": "application/json",
      "x-forwarded-for": "203.0.113.7",
    })
    return {
      apps: services.apps,
      ann,
      olga,
      operator: services.operator,
      sql,
      ask: async (path, { by = olga.access, body, headers } = {}) => {
        const answer = await send("console", `/api/console/${path}`, {
          method: body === undefined ? "GET" : "POST",
          headers: { ...headersOf(by), ...headers },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        })
        return { status: answer.status, headers: answer.headers, body: await answer.json() }
      },
      open: (path, by = olga.access) =>
        send("console", `/api/console/${path}`, { headers: headersOf(by) }),
      place: async (more = {}) => {
        const answer = await send("orders", "/api/orders/", {
          method: "POST",
          headers: headersOf(ann.access),
          body: JSON.stringify({ amount: 1, item: 1, slot: "09:00", ...more }),
        })
        return (await answer.json() as { readonly id: string }).id
      },
      statusOf: async (id) => {
        const [row] = await sql("orders")<[{ status: string }]>`
          select status from orders where id = ${id}`
        return row.status
      },
      disturb: (service, conduct) => {
        conducts.set(service, conduct)
      },
      restore: () => conducts.clear(),
      asked: (service, path) => counts.get(`${service} ${path}`) ?? 0,
      trail: (username = olga.username) =>
        sql("auth")`
          select event, outcome, target, why, reason as code, address from audit_trail
          where username = ${username} and why is not null order by at` as never,
      revoke: (username) =>
        Effect.runPromise(
          Effect.scoped(
            Effect.flatMap(Database, ({ transaction }) =>
              transaction((sql) => operatorTable(sql, new Date()).revoke(username))).pipe(
                Effect.asVoid,
                Effect.provide(databaseLayer({
                  service: "auth",
                  url: new URL(databases.auth!),
                  poolSize: 1,
                  migrations: "services/auth/migrations",
                })),
              ),
          ),
        ),
    }
  })

export const startConsole = startConsoleWith({})

/** Sends the requests between services through the conducts, and counts them. */
const wired = (apps: Apps, counts: Map<string, number>) => {
  const conducts = new Map<ServiceName, Conduct>()
  for (const [name, doors] of Object.entries(apps) as Array<[ServiceName, Apps[ServiceName]]>) {
    const real = doors.internal.fetch
    doors.internal.fetch = async (request: Request, ...rest) => {
      const key = `${name} ${new URL(request.url).pathname}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
      const answer = async () => await real(request, ...rest)
      return await (conducts.get(name) ?? ((answer) => answer()))(answer, request)
    }
  }
  return conducts
}

export const soon = (what: string, ask: () => Promise<boolean>) => until(what, patienceMs, ask)
