/**
 * The services of the system, a row for each: the only list of them and of what each needs. Wiring,
 * keys, secrets and addresses derive from it. Tests compare it with what cannot read it (manifests,
 * the gateway's settings).
 */
import { participantNames } from "./contracts/order-saga.ts"

/** A row of the roster. */
export interface Row {
  /**
   * The TCP port of its public routes, the default of PORT. Null when it has none and opens no such
   * port.
   */
  readonly port: number | null
  /** The TCP port for other services and operators, the default of INTERNAL_PORT. */
  readonly internalPort: number
  /** Whether it has a PostgreSQL database of its own, named like the service. */
  readonly database: boolean
  /** What it uses Redis for: the order queue, or counters that its replicas share. */
  readonly redis: "queue" | "counters" | null
  /** The services that it calls, with tokens that it signs. */
  readonly calls: ReadonlyArray<string>
  /** Whether users call it, with tokens from auth. */
  readonly users: boolean
  /** The public paths that it answers. A "/*" matches anything, including nothing. */
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
    // 9087 is the port of the Upstash front.
    internalPort: 9088,
    database: false,
    redis: null,
    calls: [...participantNames, "auth", "orders", "orchestrator"],
    users: true,
    paths: ["/console/*", "/api/console/*", "/openapi/console.json"],
  },
} as const satisfies Readonly<Record<string, Row>>

export type ServiceName = keyof typeof roster

/** The services that `Caller` calls. */
export type CalleeOf<Caller extends ServiceName> = (typeof roster)[Caller]["calls"][number]

export const serviceNames = Object.keys(roster) as ReadonlyArray<ServiceName>

const having = (has: (row: Row) => boolean): ReadonlyArray<ServiceName> =>
  serviceNames.filter((name) => has(roster[name]))

export const withDatabase = having(({ database }) => database)
export const withQueue = having(({ redis }) => redis === "queue")
export const withCounters = having(({ redis }) => redis === "counters")
/** Services with public paths; each has a document that describes its paths. */
export const publicServices = having(({ paths }) => paths.length > 0)

/** The services that `caller` calls. */
export const callsOf = (caller: ServiceName): ReadonlyArray<ServiceName> => roster[caller].calls

/** Services that sign tokens, each with its own private key. */
export const callers = serviceNames.filter((name) => callsOf(name).length > 0)
/** Services that verify such tokens, with the public keys of all callers. */
export const callees = serviceNames.filter((name) =>
  callers.some((caller) => callsOf(caller).includes(name))
)

/**
 * Whether a service asks auth for the keys and ended sessions with which it verifies users' tokens:
 * the tokens of its own users, or of operators, which the console forwards. Auth has them itself.
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

/** All services in groups; each group calls only services of earlier groups. */
export const startOrder = inGroups(serviceNames)
