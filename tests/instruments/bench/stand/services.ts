/**
 * The services as separate processes, with everything that they do in production, except telemetry.
 */
import { Effect, Exit, Scope } from "effect"
import { type ServiceName, serviceNames, startOrder } from "#shared/roster.ts"
import { freePorts } from "#tests/instruments/chaos/ports.ts"
import type { Runtime } from "#tests/support/separate-services.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"
import { environmentOf, type Ports } from "#tests/support/service-process.ts"
import type { Ground } from "./ground.ts"
import { imageEnvironment } from "./image.ts"
import {
  answersReady,
  type Program,
  type ProgramFailed,
  type ProgramOptions,
  runtimeCommand,
  startProgram,
} from "./program.ts"

export interface ServicesOptions {
  readonly runtime: Runtime
  /** The number of processes of orders, and of the orchestrator. */
  readonly replicas: number
}

/** What a process is started with in addition, such as a profiler. */
export interface Instrument {
  /** Words for Node before the program. */
  readonly nodeFlags: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
}

export interface Services {
  /** The processes that run now. */
  readonly processes: () => ReadonlyArray<Program>
  /** The ports of this door, one for each process of the service. */
  readonly portsOf: (service: ServiceName, door?: keyof Ports) => ReadonlyArray<number>
  /** Stops all processes of a service. */
  readonly stop: (service: ServiceName) => Effect.Effect<void>
  /** Starts them again. Succeeds when they are ready. */
  readonly start: (service: ServiceName) => Effect.Effect<void, ProgramFailed>
}

/** The largest values of the settings: orders are refused only if a run wants it. */
export const plenty = {
  ...plentyOfOrders,
  LOG_LEVEL: "Warn",
  OPENING_WALLET_MINOR: `${1_000_000_000_00}`,
  ITEM_STOCK: `${1_000_000_000}`,
  SLOT_CAPACITY: `${1_000_000_000}`,
  ACCESS_TOKEN_LIFETIME: "1 day",
  // Orders of a slow backlog must not reach their deadline.
  ORDER_DEADLINE: "1 hour",
}

interface Place {
  readonly name: string
  readonly service: ServiceName
  readonly ports: Ports
}

/** Starts all services until the scope closes. */
export const startServices = Effect.fnUntraced(function* (
  ground: Ground,
  { runtime, replicas }: ServicesOptions,
  instrument: (name: string) => Instrument,
) {
  const places = yield* placesFor(replicas)
  const services = yield* operate(places, (place) => {
    const { nodeFlags, environment } = instrument(place.name)
    return {
      name: place.name,
      command: [...runtimeCommand(runtime), ...nodeFlags, `services/${place.service}/main.ts`],
      environment: {
        ...imageEnvironment(runtime),
        ...environmentFor(place, places, ground),
        ...plenty,
        ...environment,
      },
      logFile: ground.logFile(place.name),
      guard: ground.guard,
      isReady: () => answersReady(place.ports.internal),
    }
  })
  for (const service of startOrder.flat()) yield* services.start(service)
  return services
})

/** Makes the functions that start and stop the processes; none runs yet. */
const operate = Effect.fnUntraced(function* (
  places: ReadonlyArray<Place>,
  optionsFor: (place: Place) => ProgramOptions,
) {
  const scope = yield* Effect.scope
  const running = new Map<Place, { readonly program: Program; readonly scope: Scope.Closeable }>()
  const of = (service: ServiceName) => places.filter((place) => place.service === service)
  const startAt = Effect.fnUntraced(function* (place: Place) {
    const own = yield* Scope.fork(scope)
    const program = yield* Scope.provide(startProgram(optionsFor(place)), own)
    running.set(place, { program, scope: own })
  })
  const stopAt = (place: Place) => {
    const found = running.get(place)
    running.delete(place)
    return found ? Scope.close(found.scope, Exit.void) : Effect.void
  }
  return {
    processes: () => [...running.values()].map(({ program }) => program),
    portsOf: (service, door = "public") => of(service).map(({ ports }) => ports[door]),
    start: (service) => Effect.forEach(of(service), startAt, { concurrency: 2, discard: true }),
    stop: (service) => Effect.forEach(of(service), stopAt, { discard: true }),
  } satisfies Services as Services
})

const placesFor = (replicas: number) => {
  const counts: Record<ServiceName, number> = {
    ...Object.fromEntries(serviceNames.map((name) => [name, 1])) as Record<ServiceName, number>,
    orders: replicas,
    orchestrator: replicas,
    // No order passes through it.
    console: 0,
  }
  const names = (Object.keys(counts) as Array<ServiceName>).flatMap((service) =>
    Array.from({ length: counts[service] }, (_, n) => ({
      service,
      name: counts[service] === 1 ? service : `${service}-${n + 1}`,
    }))
  )
  return Effect.forEach(
    names,
    (named) => Effect.map(freePorts, (ports): Place => ({ ...named, ports })),
  )
}

const environmentFor = (place: Place, places: ReadonlyArray<Place>, ground: Ground) => {
  const { service, ports } = place
  const { servers, keysFolder } = ground
  const databases: Readonly<Partial<Record<ServiceName, string>>> = servers.databases
  const replicasOf = (name: ServiceName) => places.filter((other) => other.service === name)
  // Orchestrators are spread over the replicas of orders, as by a load balancer.
  const turn = replicasOf(service).indexOf(place)
  return environmentOf(service, {
    ports,
    databaseUrl: databases[service],
    queueUrl: servers.redisUrl,
    queueStream: "orders",
    keysFolder,
    address: (callee) => {
      const replicas = replicasOf(callee)
      return `http://127.0.0.1:${replicas[turn % replicas.length]?.ports.internal}`
    },
  })
}
