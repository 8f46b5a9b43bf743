/**
 * All services in one process, on real databases and a real Redis, with all their calls to each
 * other, to PostgreSQL and to Redis counted. Nothing happens periodically: what is due in a second
 * or later never comes due. Otherwise a slow machine would have sweeps counted, and calls that
 * timed out and were repeated.
 */
import { Clock, Duration, Effect, References, type Scope } from "effect"
import { Redis } from "ioredis"
import type { Sql } from "postgres"
import { type Apps, startServices } from "#compose/embedded/services.ts"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { patient } from "#tests/support/patient-database.ts"
import { startRedis } from "#tests/support/redis.ts"
import { type TappedPostgres, tapPostgres } from "#tests/support/tapped-postgres.ts"
import { newDatabase, onlooker, temporaryFolder } from "../shared/postgres/open-database.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"

const owners = ["auth", "billing", "items", "orders", "slots"] as const
export type Owner = typeof owners[number]
type OfEach<A> = Readonly<Record<Owner, A>>
type Counts = ReadonlyMap<string, number>

/** The cost of something. */
export interface Work {
  /**
   * SQL statements in the order in which they were sent, and commits, by the service that owns the
   * database.
   */
  readonly statements: OfEach<ReadonlyArray<string>>
  readonly commits: OfEach<number>
  /** Requests that a service answered, for example "orders: POST /api/orders/". */
  readonly requests: Counts
  /** Redis commands, by name. */
  readonly commands: Counts
  /**
   * How often Redis read from a connection: once for each round trip, and once more for each 16 KB.
   */
  readonly reads: number
}

export interface CountedServices {
  readonly apps: Apps
  /** The databases and Redis, without the services; statements sent here are not counted. */
  readonly sql: OfEach<Sql>
  readonly redis: Redis
  /** Does something, waits until it is over, and returns its cost. */
  readonly workOf: (something: () => Promise<void>) => Promise<Work>
  /** All metrics of all services, as text. */
  readonly metrics: () => Promise<string>
}

/** Starts all services until the scope closes. */
export const startCountedServices = (
  environment: Readonly<Record<string, string>>,
): Effect.Effect<CountedServices, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const databases = yield* openDatabases
    const { redis, queueUrl } = yield* openRedis
    const apps = yield* startServices({
      databases: mapEach(databases, ({ tapped }) => patient(tapped.url)),
      queueUrl,
      keysFolder: yield* serviceKeys,
      // Consumers do not look for entries of dead ones again and again.
      environment: { CLAIM_AFTER: "1 hour", ...plentyOfOrders, ...environment },
    }).pipe(
      Effect.provideService(Clock.Clock, withoutTimers(yield* Clock.Clock)),
      Effect.provideService(References.MinimumLogLevel, "Warn"),
    )
    yield* Effect.promise(() => untilStarted(apps, databases))
    // All services share a process, and so their metrics.
    const metrics = async () => await (await apps.orders.internal.request("/metrics")).text()
    const count = async (): Promise<Work> => ({
      // A bare `select` only shows that a connection is open.
      statements: mapEach(
        databases,
        ({ tapped }) => tapped.statements.filter((text) => text !== "select"),
      ),
      commits: mapEach(databases, ({ tapped }) => tapped.commits()),
      requests: requestsIn(await metrics()),
      ...commandsIn(await redis.info("everything")),
    })
    return {
      apps,
      sql: mapEach(databases, ({ sql }) => sql),
      redis,
      metrics,
      workOf: async (something) => {
        const before = await count()
        await something()
        return difference(before, await count())
      },
    }
  })

const withoutTimers = (clock: Clock.Clock): Clock.Clock => ({
  currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
  currentTimeMillis: clock.currentTimeMillis,
  currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
  currentTimeNanos: clock.currentTimeNanos,
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: (time) => Duration.toMillis(time) < 1000 ? clock.sleep(time) : Effect.never,
})

/**
 * What orders does right after it is ready: the upkeep and the sweeper, each on a connection that
 * it opens.
 */
const firstTasks = ["set idempotency_key = null", "where publish_at <= "]

/** The start is over when all of these were sent and every database is idle. */
const untilStarted = async (apps: Apps, databases: OfEach<CountedDatabase>) => {
  const { statements } = databases.orders.tapped
  const sent = () => firstTasks.every((task) => statements.some((text) => text.includes(task)))
  await Promise.all(Object.values(apps).map(({ internal }) => internal.request("/readyz")))
  await until(
    "the services have started",
    patienceMs,
    () => Promise.resolve(sent() && owners.every((owner) => databases[owner].tapped.isIdle())),
  )
}

interface CountedDatabase {
  readonly sql: Sql
  readonly tapped: TappedPostgres
}

const openDatabases: Effect.Effect<OfEach<CountedDatabase>, never, Scope.Scope> = Effect.map(
  Effect.forEach(owners, (owner) =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      return [owner, { sql: yield* onlooker(url), tapped: yield* tapPostgres(url) }] as const
    })),
  (all) => Object.fromEntries(all) as Record<Owner, CountedDatabase>,
)

const mapEach = <A, B>(each: OfEach<A>, map: (a: A, owner: Owner) => B): OfEach<B> =>
  Object.fromEntries(owners.map((owner) => [owner, map(each[owner], owner)])) as Record<Owner, B>

const openRedis = Effect.gen(function* () {
  const { url } = yield* Effect.acquireRelease(
    Effect.promise(() => startRedis()),
    ({ kill }) => Effect.promise(kill),
  )
  const redis = yield* Effect.acquireRelease(
    Effect.sync(() => new Redis(url, { protocol: 2 })),
    (client) => Effect.sync(() => client.disconnect()),
  )
  return { redis, queueUrl: url }
})

const serviceKeys = Effect.tap(
  temporaryFolder,
  (folder) => Effect.promise(() => generateServiceKeys(folder)),
)

const requestsIn = (metrics: string): Counts => {
  const counts = new Map<string, number>()
  const counters = metrics.matchAll(/^http_request_duration_seconds_count\{(.*)\} (\d+)/gm)
  for (const [, labels = "", count] of counters) {
    const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1]
    const name = `${label("service")}: ${label("route")}`
    counts.set(name, (counts.get(name) ?? 0) + Number(count))
  }
  return counts
}

const commandsIn = (info: string): Pick<Work, "commands" | "reads"> => {
  const counters = info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)
  return {
    commands: new Map([...counters].map(([, name = "", calls]) => [name, Number(calls)])),
    reads: Number(/^total_reads_processed:(\d+)/m.exec(info)?.[1]),
  }
}

const difference = (before: Work, after: Work): Work => ({
  statements: mapEach(
    after.statements,
    (sent, owner) => sent.slice(before.statements[owner].length),
  ),
  commits: mapEach(after.commits, (count, owner) => count - before.commits[owner]),
  requests: more(before.requests, after.requests),
  commands: more(before.commands, after.commands),
  reads: after.reads - before.reads,
})

const more = (before: Counts, after: Counts): Counts =>
  new Map(
    [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
      .filter(([, count]) => count > 0),
  )
