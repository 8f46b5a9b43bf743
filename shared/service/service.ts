/**
 * A service is data too: its name, its settings, and how it starts once they are known. Its own process starts it behind
 * a port (`run`); the embedded run starts all of them in one process.
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
} from "#shared/config/settings.ts"
import { trustProxySetting } from "#shared/config/trust-proxy.ts"
import type { App } from "#shared/http/app.ts"
import { type DenoHandler, denoHandler, isDenoServe } from "#shared/http/deno-serve.ts"
import { CurrentDrain } from "#shared/http/drain.ts"
import { defaultKeepAliveMs, listen, type ListenError } from "#shared/http/listen.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import { startingApp } from "#shared/http/starting.ts"
import { roster, type ServiceName } from "#shared/roster.ts"
import { telemetryLayer, telemetrySettings } from "#shared/telemetry/telemetry.ts"
import { runMain } from "./run-main.ts"

export interface Service<S extends Record<string, Setting<unknown>>> {
  readonly name: ServiceName
  readonly settings: S
  /** Starts everything the service needs, until the scope closes, and gives its app. Fails with a message to print. */
  readonly start: (
    settings: Values<S>,
  ) => Effect.Effect<App, { readonly message: string }, Scope.Scope>
}

/** Makes a service of its settings, of the layers they lead to, and of the app that stands on those. */
export const service = <
  const S extends Record<string, Setting<unknown>>,
  R,
  E extends { readonly message: string },
>(
  { layers, app, ...rest }: Omit<Service<S>, "start"> & {
    readonly layers: (settings: Values<S>) => Layer.Layer<R, E>
    readonly app: (
      settings: Values<S>,
    ) => Effect.Effect<App, { readonly message: string }, R | Scope.Scope>
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

/** The settings of every service that is a process of its own. */
export const commonSettings = (defaultPort: number) => ({
  PORT: port(defaultPort),
  HOST: text("the address to listen on", "0.0.0.0"),
  KEEP_ALIVE: duration(
    "how long an idle connection is kept, longer than any proxy in front keeps it",
    `${defaultKeepAliveMs / 1000} seconds`,
  ),
  DRAIN: durationOrNone(
    "how long to go on serving after SIGTERM, until whoever sends requests has noticed",
    "8 seconds",
  ),
  ...trustProxySetting,
  ...telemetrySettings,
})

/**
 * Starts one service as the environment says; `open` opens it for requests and tells where. Never ends by
 * itself. While it starts, it is alive, and not ready.
 */
const start = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
  open: (
    app: Pick<App, "fetch">,
    settings: Common,
  ) => Effect.Effect<string, ListenError, Scope.Scope>,
): Effect.Effect<never, { readonly message: string }> =>
  Effect.gen(function* () {
    const common = commonSettings(roster[service.name].port)
    // Read together, so that all that is wrong is said at once.
    const settings = yield* readSettings({ ...common, ...service.settings })
    const known = settings as unknown as Common
    return yield* Effect.gen(function* () {
      let app: Pick<App, "fetch"> = startingApp(service.name)
      // What the app stands on is closed after the last request.
      const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
      // It is open at once: migrations may take longer than any probe waits for somebody who does not answer.
      const where = yield* open({ fetch: (...request) => app.fetch(...request) }, known)
      app = yield* Scope.provide(service.start(settings as unknown as Values<S>), scope)
      yield* Effect.logInfo(`${service.name} ${where}`)
      return yield* Effect.never
    }).pipe(
      Effect.scoped,
      logsNamed(service.name),
      Effect.provide(telemetryLayer(service.name, known)),
    )
  })

/** Whose they are, in every log entry: where many services log to one place, that is not seen otherwise. */
const logsNamed = (name: ServiceName) => Effect.annotateLogs({ service: name })

type Common = Values<ReturnType<typeof commonSettings>>

/** Serves one service behind a port of its own, as the environment says, and never ends by itself. */
export const serve = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
): Effect.Effect<never, { readonly message: string }> =>
  start(
    service,
    (app, { HOST, PORT, KEEP_ALIVE, DRAIN, TRUST_PROXY: trustProxy }) =>
      Effect.gen(function* () {
        const drain = yield* CurrentDrain
        drain.ms = Duration.toMillis(DRAIN)
        const keepAliveMs = Duration.toMillis(KEEP_ALIVE)
        const port = yield* listen(app, { host: HOST, port: PORT, keepAliveMs, trustProxy })
        return `listens on http://${HOST}:${port}`
      }),
  )

/**
 * Runs one service as a process of its own, until SIGTERM or SIGINT. Under `deno serve`, which opens the port itself, it
 * gives the handler to export; else nothing.
 */
export const run = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
): Partial<DenoHandler> => {
  if (!isDenoServe()) {
    runMain(serve(service))
    return {}
  }
  const { handler, open } = denoHandler()
  runMain(
    start(
      service,
      (app, { TRUST_PROXY }) => Effect.as(open(app, TRUST_PROXY), "is served by Deno"),
    ),
  )
  return handler
}

/** Starts a service within this process, with an environment of its own. */
export const startWithin = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
  environment: Readonly<Record<string, string | undefined>>,
): Effect.Effect<App, { readonly message: string }, Scope.Scope> =>
  readSettings(service.settings).pipe(
    Effect.flatMap(service.start),
    logsNamed(service.name),
    Effect.provideService(Environment, environment),
  )
