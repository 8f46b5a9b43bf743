/**
 * A service is data: its name, its settings, and how it starts with them. `run` starts it as its
 * own process, with its own ports; the embedded run starts all services in one process.
 */
import "effect/schema/SchemaJITCompiler/enable"
import { Duration, Effect, Layer, Scope } from "effect"
import {
  duration,
  durationOrNone,
  Environment,
  port,
  readSettings,
  type Setting,
  text,
  type Values,
  whole,
} from "#shared/config/settings.ts"
import { trustProxySetting } from "#shared/config/trust-proxy.ts"
import type { Doors } from "#shared/http/doors.ts"
import { type DenoHandler, denoHandler, isDenoServe } from "#shared/http/deno-serve.ts"
import { CurrentDrain } from "#shared/http/drain.ts"
import { defaultKeepAliveMs, listen, ListenError } from "#shared/http/listen.ts"
import { type Handlers, listenDoors } from "#shared/http/listen-doors.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import { startingApp } from "#shared/http/starting.ts"
import { makeUnresolvedPeers, UnresolvedPeers } from "#shared/http/unresolved-peers.ts"
import { roster, type Row, type ServiceName } from "#shared/roster.ts"
import { telemetryLayer, telemetrySettings } from "#shared/telemetry/telemetry.ts"
import { seekCallees } from "./callees-sought.ts"
import { runMain } from "./run-main.ts"

export interface Service<S extends Record<string, Setting<unknown>>> {
  readonly name: ServiceName
  readonly settings: S
  /**
   * Starts everything the service needs, until the scope closes, and returns its apps. Fails with a
   * message to print.
   */
  readonly start: (
    settings: Values<S>,
  ) => Effect.Effect<Doors, { readonly message: string }, Scope.Scope>
}

/**
 * Makes a service from its settings, the layers that they configure, and the apps on top of those.
 */
export const service = <
  const S extends Record<string, Setting<unknown>>,
  R,
  E extends { readonly message: string },
>(
  { layers, app, ...rest }: Omit<Service<S>, "start"> & {
    readonly layers: (settings: Values<S>) => Layer.Layer<R, E>
    readonly app: (
      settings: Values<S>,
    ) => Effect.Effect<Doors, { readonly message: string }, R | Scope.Scope>
  },
): Service<S> => ({
  ...rest,
  // Built into the caller's scope: the layers live as long as the app, not as long as its start.
  start: (settings) =>
    Effect.suspend(() =>
      Effect.flatMap(
        Layer.build(layers(settings)),
        (context) => Effect.provideContext(app(settings), context),
      ).pipe(Effect.provideService(PeerClocks, makePeerClocks()))
    ),
})

/** Where a service with public routes listens. */
export const publicSettings = (defaultPort: number) => ({
  PORT: port("the TCP port of the public routes", defaultPort),
  HOST: text("the address of the public port", "0.0.0.0"),
})

/** Where every service listens for other services and for operators. */
export const internalSettings = (defaultPort: number) => ({
  INTERNAL_PORT: port("the TCP port for services and operators: health, metrics", defaultPort),
  INTERNAL_HOST: text("the address of the internal port", "0.0.0.0"),
})

/** The settings of every process that listens. */
export const processSettings = {
  KEEP_ALIVE: duration(
    "how long an idle connection is kept, longer than any proxy in front keeps it",
    `${defaultKeepAliveMs / 1000} seconds`,
  ),
  DRAIN: durationOrNone(
    "how long to go on serving after SIGTERM, until load balancers have noticed",
    "8 seconds",
  ),
  // A connection takes up to 15 KB, and these fit into what is left of the 192 MiB of a container.
  MAX_CONNECTIONS: whole(
    "the most open connections at each port; one more is closed at once",
    { minimum: 1, maximum: 1_000_000 },
    4_000,
  ),
  ...trustProxySetting,
  ...telemetrySettings,
}

/** The settings of every service that runs as its own process. */
export const commonSettings = ({ port, internalPort }: Pick<Row, "port" | "internalPort">) => ({
  ...(port === null ? {} : publicSettings(port)),
  ...internalSettings(internalPort),
  ...processSettings,
})

/**
 * Starts one service with the settings of the environment; `open` opens its doors for requests and
 * returns where. Never ends by itself. While the service starts, it is alive but not ready.
 */
const start = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
  open: (
    handlers: Handlers,
    settings: Common,
  ) => Effect.Effect<string, ListenError, Scope.Scope>,
): Effect.Effect<never, { readonly message: string }> =>
  Effect.gen(function* () {
    const common = commonSettings(roster[service.name])
    // Read together, so that all errors are reported at once.
    const settings = yield* readSettings({ ...common, ...service.settings })
    const known = settings as unknown as Common
    return yield* Effect.gen(function* () {
      let doors: Handlers = startingApp(service.name)
      // The app's resources are released after the last request.
      const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
      // Opens at once: migrations may take longer than a probe waits for a service that does not
      // answer.
      const where = yield* open({
        public: { fetch: (...request) => doors.public.fetch(...request) },
        internal: { fetch: (...request) => doors.internal.fetch(...request) },
      }, known)
      yield* Effect.forkScoped(seekCallees(service.name, settings))
      doors = yield* Scope.provide(service.start(settings as unknown as Values<S>), scope)
      yield* Effect.logInfo(`${service.name} ${where}`)
      return yield* Effect.never
    }).pipe(
      Effect.scoped,
      logsNamed(service.name),
      Effect.provide(telemetryLayer(service.name, known)),
      Effect.provideService(UnresolvedPeers, makeUnresolvedPeers()),
    )
  })

/** Adds the service to every log entry: several services may log to one place. */
const logsNamed = (name: ServiceName) => Effect.annotateLogs({ service: name })

type Common =
  & Partial<Values<ReturnType<typeof publicSettings>>>
  & Values<ReturnType<typeof internalSettings> & typeof processSettings>

/**
 * Serves one service on its own ports, with the settings of the environment. Never ends by itself.
 */
export const serve = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
): Effect.Effect<never, { readonly message: string }> =>
  start(service, (handlers, settings) =>
    Effect.gen(function* () {
      const { HOST, PORT, INTERNAL_HOST, INTERNAL_PORT, TRUST_PROXY: trustProxy } = settings
      const drain = yield* CurrentDrain
      drain.ms = Duration.toMillis(settings.DRAIN)
      const open = yield* listenDoors(handlers, {
        public: HOST === undefined || PORT === undefined
          ? undefined
          : { host: HOST, port: PORT, trustProxy },
        internal: { host: INTERNAL_HOST, port: INTERNAL_PORT },
        keepAliveMs: Duration.toMillis(settings.KEEP_ALIVE),
        maxConnections: settings.MAX_CONNECTIONS,
      })
      const publicly = open.public === undefined ? "" : `http://${HOST}:${open.public}, internally `
      return `listens on ${publicly}http://${INTERNAL_HOST}:${open.internal}`
    }))

/**
 * Runs one service as its own process, until SIGTERM or SIGINT. Under `deno serve`, which opens the
 * public port itself, it opens the internal port and returns the handler of the public one to
 * export; otherwise it returns nothing.
 */
export const run = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
): Partial<DenoHandler> => {
  if (!isDenoServe()) {
    runMain(serve(service))
    return {}
  }
  const { handler, open } = denoHandler()
  const { name } = service
  runMain(roster[name].port === null ? noPublicPort(name) : serveWithin(service, open))
  return handler
}

const noPublicPort = (name: ServiceName) =>
  new ListenError({
    message: `${name} has no public routes, so \`deno serve\` cannot serve it: ` +
      `start it with \`deno run -A services/${name}/main.ts\``,
  })

const serveWithin = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
  openPublic: ReturnType<typeof denoHandler>["open"],
) =>
  start(service, (handlers, settings) =>
    Effect.gen(function* () {
      const internal = yield* listen(handlers.internal, {
        host: settings.INTERNAL_HOST,
        port: settings.INTERNAL_PORT,
        prefix: "INTERNAL_",
        keepAliveMs: Duration.toMillis(settings.KEEP_ALIVE),
        maxConnections: settings.MAX_CONNECTIONS,
      })
      yield* openPublic(handlers.public, settings.TRUST_PROXY)
      return `is served by Deno, internally on http://${settings.INTERNAL_HOST}:${internal}`
    }))

/** Starts a service within this process, with its own environment. */
export const startWithin = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
  environment: Readonly<Record<string, string | undefined>>,
): Effect.Effect<Doors, { readonly message: string }, Scope.Scope> =>
  readSettings(service.settings).pipe(
    Effect.flatMap(service.start),
    logsNamed(service.name),
    Effect.provideService(Environment, environment),
  )
