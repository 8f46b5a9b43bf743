/**
 * Everything an order passes through, for tests of the orchestrator: the real orders, billing,
 * items and slots, each on a database of its own, and a real Redis. Requests stay in memory, and a
 * test can disturb those to each service. It starts and stops orchestrators.
 */
import { Effect, Exit, Logger, References, Scope } from "effect"
import { Redis } from "ioredis"
import type { Sql } from "postgres"
import { billing } from "#services/billing/service.ts"
import { items } from "#services/items/service.ts"
import { orchestrator } from "#services/orchestrator/service.ts"
import { slots } from "#services/slots/service.ts"
import { addressName } from "#shared/config/addresses.ts"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import type { App } from "#shared/http/doors.ts"
import { Fetch } from "#shared/http/client.ts"
import { startWithin } from "#shared/service/service.ts"
import {
  authsKeys,
  clientOf,
  databaseOf,
  place,
  type RunningOrders,
  startOrders,
  wanted,
} from "#tests/services/orders/running-orders.ts"
import { until } from "#tests/services/orders/until.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"

/** The services behind the saga's table. */
const services = { billing, items, slots } as const satisfies Record<ParticipantName, unknown>

type Name = "orders" | ParticipantName

/** What happens to a request of the orchestrator. `answer` lets it take effect. */
export type Conduct = (answer: () => Promise<Response>, request: Request) => Promise<Response>

const broken = (code: string) => new TypeError("fetch failed", { cause: { code } })

export const works: Conduct = (answer) => answer()
export const isDown: Conduct = () => Promise.reject(broken("ECONNREFUSED"))
export const losesAnswers: Conduct = async (answer) => {
  await answer()
  throw broken("ECONNRESET")
}
export const hangs: Conduct = (_, { signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))

export interface RunningOrchestrator {
  readonly app: App
  readonly logs: ReadonlyArray<string>
  readonly stop: Effect.Effect<void>
}

export interface System {
  readonly orders: RunningOrders
  readonly sql: Readonly<Record<ParticipantName, Sql>>
  readonly conduct: Record<Name, Conduct>
  /** The number of the orchestrator's requests, by the service that they went to. */
  readonly requests: Readonly<Record<Name, number>>
  /** Sends a request to a service, through its conduct. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Replaces a participant by one with other settings on the same database. */
  readonly restart: (
    name: ParticipantName,
    settings: Readonly<Record<string, string>>,
  ) => Effect.Effect<void, unknown, Scope.Scope>
  /** Starts an orchestrator, which stops with the test at the latest. */
  readonly orchestrate: (
    settings?: Readonly<Record<string, string>>,
  ) => Effect.Effect<RunningOrchestrator, unknown, Scope.Scope>
  /** A new customer with 100 in the wallet. */
  readonly customer: Effect.Effect<string>
  readonly order: (
    user: string,
    change?: Partial<typeof wanted>,
  ) => Effect.Effect<OrderDetails>
  readonly look: (user: string, id: string) => Effect.Effect<OrderDetails>
  readonly final: (user: string, id: string) => Effect.Effect<OrderDetails>
  /** What is left of the customer's wallet in minor units, of item 1, and of the slot 09:00. */
  readonly left: (
    user: string,
  ) => Effect.Effect<readonly [wallet: number, stock: number, capacity: number]>
}

/** Starts the system, without an orchestrator. */
export const startSystem = (
  settings: Readonly<Record<string, string>> = {},
): Effect.Effect<System, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const running = yield* startOrders({ REPUBLISH_AFTER: "1 second", ...settings })
    const { environment } = running
    const participants = yield* startParticipants(environment)
    const apps: Record<Name, App> = { orders: running.app, ...participants.apps }
    const conduct: Record<Name, Conduct> = { orders: works, ...forEachParticipant(() => works) }
    const requests = { orders: 0, ...forEachParticipant(() => 0) }
    const wire = async (request: Request) => {
      const name = new URL(request.url).hostname.split(".")[0] as Name
      requests[name]++
      return await conduct[name](async () => await apps[name].fetch(request), request)
    }
    const { sql } = participants
    const look = (user: string, id: string) =>
      Effect.map(running.call(`/api/orders/${id}`, { user }), ({ body }) => body as OrderDetails)
    return {
      orders: running,
      sql,
      conduct,
      requests,
      fetch: (url, init) => wire(new Request(url, init)),
      restart: (name, more) =>
        Effect.map(participants.start[name](more), (app) => {
          apps[name] = app
        }),
      orchestrate: (more) => startOrchestrator({ ...environment, ...settings, ...more }, wire),
      customer: Effect.promise(async () => {
        const name = `customer-${crypto.randomUUID()}`
        await sql
          .billing`insert into accounts (username, email, wallet) values (${name}, '', 10000)`
        return name
      }),
      order: (user, change) => place(running, { user, body: { ...wanted, ...change } }),
      look,
      final: (user, id) =>
        Effect.gen(function* () {
          let order = yield* look(user, id)
          yield* until(
            "the order is final",
            Effect.map(look(user, id), (latest) => (order = latest).decidedAt !== null),
          )
          return order
        }),
      left: (user) =>
        Effect.promise(async () => {
          const [[account], [item], [slot]] = await Promise.all([
            sql.billing<[{ wallet: string }]>`select wallet from accounts where username = ${user}`,
            sql.items<[{ stock: string }]>`select stock from items where id = '1'`,
            sql.slots<[{ capacity: string }]>`select capacity from slots where time = '09:00'`,
          ])
          return [Number(account.wallet), Number(item.stock), Number(slot.capacity)] as const
        }),
    }
  })

const startParticipants = (environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const prepare = Effect.fnUntraced(
      function* (service: typeof services[ParticipantName]) {
        const url = yield* databaseOf(service.name)
        // The services differ in their settings, but not in how they start.
        const start = (more: Readonly<Record<string, string>> = {}) =>
          startWithin(service as typeof items, { ...environment, DATABASE_URL: url, ...more }).pipe(
            Effect.map(oneDoor),
            Effect.provideService(Fetch, authsKeys),
          )
        return { start, app: yield* start(), sql: yield* clientOf(url) }
      },
    )
    const all = yield* Effect.all(
      forEachParticipant((name) => prepare(services[name])),
      { concurrency: "unbounded" },
    )
    return {
      apps: forEachParticipant((name) => all[name].app),
      sql: forEachParticipant((name) => all[name].sql),
      start: forEachParticipant((name) => all[name].start),
    }
  })

const startOrchestrator = Effect.fnUntraced(function* (
  settings: Readonly<Record<string, string>>,
  wire: (request: Request) => Promise<Response>,
) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const logs: Array<string> = []
  const logger = Logger.make(({ message, logLevel }) => {
    logs.push(`${logLevel} ${[message].flat().map((part) => JSON.stringify(part)).join(" ")}`)
  })
  const app = yield* startWithin(orchestrator, {
    ...Object.fromEntries(
      [...participantNames, "orders" as const]
        .map((name) => [addressName(name), `http://${name}.test`]),
    ),
    CONSUMER_NAME: `orchestrator-${crypto.randomUUID()}`,
    CLAIM_AFTER: "600 millis",
    CALL_TIMEOUT: "300 millis",
    ...settings,
  }).pipe(
    Effect.map(oneDoor),
    Scope.provide(scope),
    Effect.provideService(
      Fetch,
      (url, init) =>
        url.startsWith("http://auth.test/") ? authsKeys() : wire(new Request(url, init)),
    ),
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, "Info"),
  )
  return { app, logs, stop: Scope.close(scope, Exit.void) }
})

/** The value of a metric at /metrics. */
export const metricOf = ({ app }: { readonly app: App }, name: string): Effect.Effect<number> =>
  Effect.promise(async () => {
    const text = await (await app.request("/metrics")).text()
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1])
  })

/** The answer of `/readyz`. */
export const readinessOf = (
  { app }: { readonly app: App },
): Effect.Effect<{ readonly status: number; readonly services: string; readonly queue: string }> =>
  Effect.promise(async () => {
    const response = await app.request("/readyz")
    return { ...(await response.json()).checks, status: response.status }
  })

/** Direct access to the stream and its dead letters. */
export const redisOf = ({ orders: { environment } }: System) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Redis(environment.QUEUE_URL!, { protocol: 2 })),
      (redis) => Effect.sync(() => redis.disconnect()),
    ),
    (redis) => {
      const stream = environment.QUEUE_STREAM!
      return {
        add: (fields: ReadonlyArray<string>) =>
          Effect.promise(() => redis.xadd(stream, "*", ...fields)),
        /** Removes everything from the queue. */
        lose: Effect.promise(() => redis.del(stream)),
        deadLetters: Effect.promise(async () =>
          (await redis.xrange(`${stream}:dead`, "-", "+")).map(([, fields]) => fields.join(" "))
        ),
        waiting: Effect.promise(() => redis.xlen(stream)),
      }
    },
  )
