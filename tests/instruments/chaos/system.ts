/**
 * The system that is broken on purpose: all services but the console, with two replicas of orders
 * and three of the orchestrator, with a PostgreSQL and a Redis of their own, and a breakable link
 * between each caller and what it calls.
 */
import { Effect, Schema, type Scope } from "effect"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { callsOf, provesUsers, roster, type ServiceName, serviceNames } from "#shared/roster.ts"
import type { Openings } from "#tests/support/books.ts"
import { doorTo, environmentOf, type Ports } from "#tests/support/service-process.ts"
import { startGuard } from "./guard.ts"
import { type Link, openLink } from "./link.ts"
import { freePort, freePorts } from "./ports.ts"
import { makeReplica, type Replica } from "./replica.ts"
import {
  type ChaosPostgres,
  type ChaosRedis,
  startChaosPostgres,
  startChaosRedis,
} from "./servers.ts"

/** The number of processes of each service. */
const replicasOf: Readonly<Record<ServiceName, number>> = {
  ...Object.fromEntries(serviceNames.map((name) => [name, 1])) as Record<ServiceName, number>,
  orders: 2,
  orchestrator: 3,
  // No order passes through it, and it stores nothing.
  console: 0,
}
const services = Object.keys(replicasOf) as ReadonlyArray<ServiceName>

/** What a service connects to. */
const targetsOf = (name: ServiceName): ReadonlyArray<Target> => {
  const { database, redis } = roster[name]
  const targets: ReadonlyArray<Target | false> = [
    database && "PostgreSQL",
    redis !== null && "Redis",
    provesUsers(roster, name) && "auth",
    ...callsOf(name),
  ]
  return targets.filter((target) => target !== false)
}

export type Target = ServiceName | "PostgreSQL" | "Redis"

/**
 * Enough of everything, except for an amount of a million: orders fail only by what they ask for,
 * or by their deadline.
 */
export const openings: Openings = {
  walletMinor: 100_000_00,
  stock: 10_000_000,
  capacity: 10_000_000,
}

export const claimAfterMs = 2_000
/** Short enough that it aborts some orders, in any state. */
export const deadlineMs = 5_000

/** Short waits: what takes hours in production happens within minutes. */
const settings = {
  OPENING_WALLET_MINOR: `${openings.walletMinor}`,
  ITEM_STOCK: `${openings.stock}`,
  SLOT_CAPACITY: `${openings.capacity}`,
  ACCESS_TOKEN_LIFETIME: "2 days",
  CLAIM_AFTER: `${claimAfterMs} millis`,
  CALL_TIMEOUT: "2 seconds",
  REPUBLISH_AFTER: "3 seconds",
  ORDER_DEADLINE: `${deadlineMs} millis`,
  AUDIT_EVERY: "2 seconds",
}

export interface NamedLink {
  /** The name of the replica that connects. */
  readonly from: string
  readonly to: Target
  readonly link: Link
}

export interface ChaosSystem {
  readonly replicas: ReadonlyArray<Replica>
  readonly links: ReadonlyArray<NamedLink>
  readonly postgres: ChaosPostgres
  readonly redis: ChaosRedis
  /** The public paths; calls go to the replicas of a service in turn. */
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>
}

/** The system did not start. */
export class NotUp extends Schema.TaggedError<NotUp>()("NotUp", { message: Schema.String }) {}

export interface SystemOptions {
  readonly folder: string
  readonly endedByItself: (replica: string, how: string) => void
}

interface Place {
  readonly name: string
  readonly service: ServiceName
  readonly ports: Ports
}

/** Starts the system until the scope closes. Fails with a message for a person. */
export const startChaosSystem = (
  { folder, endedByItself }: SystemOptions,
): Effect.Effect<ChaosSystem, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const redis = yield* startChaosRedis
    const postgres = yield* startChaosPostgres(folder, yield* freePort)
    const keysFolder = join(folder, "secrets")
    yield* Effect.promise(() => generateServiceKeys(keysFolder))
    const logs = join(folder, "logs")
    mkdirSync(logs)
    const guard = yield* startGuard
    const places = yield* Effect.map(Effect.forEach(services, placesOf), (places) => places.flat())
    const placesOfService = (name: ServiceName) => places.filter(({ service }) => service === name)
    const portsOf = (target: Target) => {
      if (target === "PostgreSQL") return [postgres.port]
      if (target === "Redis") return [redis.port]
      return placesOfService(target).map(({ ports }) => ports.internal)
    }
    const links = yield* Effect.forEach(places, (place) => openLinks(place, portsOf))
    const replicas = yield* Effect.forEach(places, (place, n) =>
      makeReplica({
        ...place,
        environment: environmentFor(place, links[n]!, postgres, keysFolder),
        logFile: join(logs, `${place.name}.log`),
        guard,
        endedByItself: (how) => endedByItself(place.name, how),
      }))
    yield* startAll(replicas)
    let turn = 0
    const door = doorTo((service) => {
      const replicas = placesOfService(service)
      return `http://127.0.0.1:${replicas[turn++ % replicas.length]!.ports.public}`
    })
    return {
      replicas,
      links: links.flat(),
      postgres,
      redis,
      fetch: (path, init) => Promise.resolve(door.request(path, init)),
    }
  })

const openLinks = (
  { name, service }: Place,
  portsOf: (target: Target) => ReadonlyArray<number>,
): Effect.Effect<ReadonlyArray<NamedLink>, never, Scope.Scope> =>
  Effect.forEach(targetsOf(service), (to) =>
    Effect.map(
      Effect.flatMap(freePort, (port) => openLink(portsOf(to), port)),
      (link) => ({ from: name, to, link }),
    ))

const placesOf = (service: ServiceName) =>
  Effect.forEach(
    Array.from({ length: replicasOf[service] }),
    (_, n) =>
      Effect.map(freePorts, (ports): Place => ({
        name: replicasOf[service] === 1 ? service : `${service}-${n + 1}`,
        service,
        ports,
      })),
  )

const startAll = (replicas: ReadonlyArray<Replica>) =>
  Effect.forEach(replicas, ({ name, start, log }) =>
    Effect.flatMap(start, (ready) => {
      if (ready) return Effect.void
      const lastLine = log().trim().split("\n").at(-1) ?? ""
      return new NotUp({ message: `${name} does not become ready. Its last line: ${lastLine}` })
    }), { concurrency: 3, discard: true })

const environmentFor = (
  { name, service, ports }: Place,
  links: ReadonlyArray<NamedLink>,
  postgres: ChaosPostgres,
  keysFolder: string,
) => {
  const through = (to: Target) => links.find((link) => link.to === to)?.link.port
  const database = postgres.databases[service]
  const databaseUrl = database === undefined ? undefined : new URL(database)
  if (databaseUrl) databaseUrl.port = `${through("PostgreSQL")}`
  const redisUrl = `redis://127.0.0.1:${through("Redis")}`
  return {
    ...environmentOf(service, {
      ports,
      databaseUrl: databaseUrl?.href,
      queueUrl: redisUrl,
      queueStream: "orders",
      keysFolder,
      address: (callee) => `http://127.0.0.1:${through(callee)}`,
    }),
    ...settings,
    RATE_LIMIT_URL: redisUrl,
    CONSUMER_NAME: name,
  }
}
