/**
 * A service is data too: its name, its settings, and how it starts once they are known. Its own process starts it behind
 * a port (`run`); the embedded run starts all of them in one process.
 */
import "effect/schema/SchemaJITCompiler/enable"
import { Effect, Layer, Scope } from "effect"
import {
  Environment,
  port,
  readSettings,
  type Setting,
  text,
  type Values,
} from "#shared/config/settings.ts"
import type { App } from "#shared/http/app.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import { listen } from "#shared/http/listen.ts"
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
  ...telemetrySettings,
})

/**
 * Serves one service behind a port of its own, as the environment says, and never ends by itself. While it starts, it is
 * alive, and not ready.
 */
export const serve = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
): Effect.Effect<never, { readonly message: string }> =>
  Effect.gen(function* () {
    const common = commonSettings(roster[service.name].port)
    // Read together, so that all that is wrong is said at once.
    const settings = yield* readSettings({ ...common, ...service.settings })
    const { PORT, HOST, ...telemetry } = settings as unknown as Values<typeof common>
    return yield* Effect.gen(function* () {
      let app: Pick<App, "fetch"> = startingApp(service.name)
      // What the app stands on is closed after the last request.
      const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
      // It listens at once: migrations may take longer than any probe waits for somebody who does not.
      const port = yield* listen(
        { fetch: (request, told) => app.fetch(request, told) },
        { host: HOST, port: PORT },
      )
      app = yield* Scope.provide(service.start(settings as unknown as Values<S>), scope)
      yield* Effect.logInfo(`${service.name} listens on http://${HOST}:${port}`)
      return yield* Effect.never
    }).pipe(Effect.scoped, Effect.provide(telemetryLayer(service.name, telemetry)))
  })

/** Runs one service as a process of its own, until SIGTERM or SIGINT. */
export const run = <const S extends Record<string, Setting<unknown>>>(service: Service<S>): void =>
  runMain(serve(service))

/** Starts a service within this process, with an environment of its own. */
export const startWithin = <const S extends Record<string, Setting<unknown>>>(
  service: Service<S>,
  environment: Readonly<Record<string, string | undefined>>,
): Effect.Effect<App, { readonly message: string }, Scope.Scope> =>
  readSettings(service.settings).pipe(
    Effect.flatMap(service.start),
    Effect.provideService(Environment, environment),
  )
