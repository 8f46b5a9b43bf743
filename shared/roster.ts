/**
 * The services of the system, a row for each: the one place that says which there are and whom and
 * what they need. Wiring, keys, secrets and addresses derive from it; tests hold to it what cannot
 * read it (manifests, the gateway's settings).
 */
import { participantNames } from "./contracts/order-saga.ts"

/** A row of the roster. */
export interface Row {
  /**
   * The TCP port of its public routes where PORT does not say otherwise; null where it has none,
   * and opens no such port.
   */
  readonly port: number | null
  /** The TCP port for other services and operators where INTERNAL_PORT does not say otherwise. */
  readonly internalPort: number
  /** Whether it has a PostgreSQL database of its own, named like the service. */
  readonly database: boolean
  /** What it uses Redis for: the order queue, or counters that its replicas share. */
  readonly redis: "queue" | "counters" | null
  /** The services that it calls, with tokens that it signs. */
  readonly calls: ReadonlyArray<string>
  /** Whether users call it with tokens that auth gave them. */
  readonly users: boolean
  /** The public paths that it answers; behind a "/*" may come anything, and nothing. */
  readonly paths: ReadonlyArray<string>
}

export const roster = {
  auth: {
    port: 8081,
    internalPort: 9081,
    database: true,
    redis: "counters",
    calls: ["billing", "orders"],
    users: false,
    paths: ["/api/auth/*", "/api/token/*", "/.well-known/jwks.json", "/openapi/auth.json"],
  },
  billing: {
    port: 8082,
    internalPort: 9082,
    database: true,
    redis: null,
    calls: [],
    users: true,
    paths: ["/api/accounts/*", "/openapi/billing.json"],
  },
  orders: {
    port: 8083,
    internalPort: 9083,
    database: true,
    redis: "queue",
    calls: [],
    users: true,
    paths: ["/api/orders/*", "/openapi/orders.json", "/docs/*"],
  },
  items: {
    port: null,
    internalPort: 9084,
    database: true,
    redis: null,
    calls: [],
    users: false,
    paths: [],
  },
  slots: {
    port: null,
    internalPort: 9085,
    database: true,
    redis: null,
    calls: [],
    users: false,
    paths: [],
  },
  orchestrator: {
    port: null,
    internalPort: 9086,
    database: false,
    redis: "queue",
    calls: [...participantNames, "orders"],
    users: false,
    paths: [],
  },
  console: {
    port: 8087,
    // 9087 is that of the front for Upstash.
    internalPort: 9088,
    database: false,
    redis: null,
    calls: [...participantNames, "auth", "orders", "orchestrator"],
    users: true,
    paths: ["/console/*", "/api/console/*", "/openapi/console.json"],
  },
} as const satisfies Readonly<Record<string, Row>>

export type ServiceName = keyof typeof roster

/** The services that one of them calls. */
export type CalleeOf<Caller extends ServiceName> = (typeof roster)[Caller]["calls"][number]

export const serviceNames = Object.keys(roster) as ReadonlyArray<ServiceName>

const having = (has: (row: Row) => boolean): ReadonlyArray<ServiceName> =>
  serviceNames.filter((name) => has(roster[name]))

export const withDatabase = having(({ database }) => database)
export const withQueue = having(({ redis }) => redis === "queue")
export const withCounters = having(({ redis }) => redis === "counters")
/** Those with public paths; each has a document that describes them. */
export const publicServices = having(({ paths }) => paths.length > 0)

/** The services that it calls. */
export const callsOf = (caller: ServiceName): ReadonlyArray<ServiceName> => roster[caller].calls

/** Those that sign tokens, each with a private key of its own. */
export const callers = serviceNames.filter((name) => callsOf(name).length > 0)
/** Those that check such tokens, by the public keys of all callers. */
export const callees = serviceNames.filter((name) =>
  callers.some((caller) => callsOf(caller).includes(name))
)

/**
 * Whether a service asks auth for the keys and ended sessions that prove users: those who show it
 * their tokens, or the operators whose tokens the console hands on. Auth has them itself.
 */
export const provesUsers = (rows: Readonly<Record<string, Row>>, name: string): boolean =>
  name !== "auth" && (rows[name]?.users === true || rows["console"]?.calls.includes(name) === true)

const inGroups = (
  left: ReadonlyArray<ServiceName>,
): ReadonlyArray<ReadonlyArray<ServiceName>> => {
  const next = left.filter((name) => !callsOf(name).some((callee) => left.includes(callee)))
  if (next.length === 0) return left.length === 0 ? [] : [left]
  return [next, ...inGroups(left.filter((name) => !next.includes(name)))]
}

/** All services in groups, of which each calls only those before it. */
export const startOrder = inGroups(serviceNames)
