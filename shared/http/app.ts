/**
 * The Hono app of a service: its routes, wrong paths and methods answered as problems, and the endpoints that every
 * service has: /livez, /readyz, /metrics, /openapi.json. A plain Fetch handler, so a test calls it without a port, Node
 * and Deno serve the same app, and the embedded run wires the services together in memory.
 */
import { Cause, Clock, Effect, Metric, Option } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import { withRequestSpan } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { openApiDocument } from "./openapi.ts"
import { internalError, Problem, problemResponse, unavailable } from "./problem.ts"
import type { Route } from "./route.ts"

export type App = Hono<{ Bindings: { readonly remoteAddress?: string } }>

export interface AppOptions {
  readonly name: string
  readonly description: string
  readonly routes: ReadonlyArray<Route>
  /** What must work for the service to take requests, by name; each fails with the cause. */
  readonly ready: Readonly<Record<string, Effect.Effect<void, { readonly message: string }>>>
}

const durations = Metric.histogram("http_request_duration_seconds", {
  description: "Time from a request's arrival to its answer",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
})

/** Builds the app; its handlers run with the logger, tracer and clock of the caller's context. */
export const makeApp = (options: AppOptions): Effect.Effect<App> =>
  Effect.gen(function* () {
    const run = Effect.runPromiseWith(yield* Effect.context<never>())
    const app: App = new Hono({ strict: false })
    for (const route of options.routes) {
      const path = withoutSlash(route.path)
      app.on(route.method, path, (context) =>
        run(answer(options.name, route, context.req.raw, {
          query: context.req.query(),
          params: context.req.param(),
          ...(context.env?.remoteAddress && { remoteAddress: context.env.remoteAddress }),
        })))
    }
    addOperations(app, options, run)
    addWrongMethods(app, options.routes)
    app.notFound((context) => problemResponse(noSuchPath(context.req.path)))
    app.onError(() => problemResponse(internalError))
    return app
  })

/** Hono takes the trailing slash off a request's path, but not off a route's. */
const withoutSlash = (path: string) => path.replace(/(?<=.)\/$/, "")

const answer = (
  service: string,
  route: Route,
  request: Request,
  parts: Parameters<Route["respond"]>[1],
): Effect.Effect<Response> => {
  const requestId = request.headers.get("x-request-id")?.slice(0, 64) ?? crypto.randomUUID()
  return Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeNanos
    const response = yield* route.respond(request, parts).pipe(
      withRequestSpan(request, `${route.method} ${route.path}`),
      Effect.catchCause((cause) => asProblem(cause, requestId)),
    )
    const seconds = Number((yield* Clock.currentTimeNanos) - startedAt) / 1e9
    yield* Metric.update(
      Metric.withAttributes(durations, {
        service,
        route: `${route.method} ${route.path}`,
        status: String(response.status),
      }),
      seconds,
    )
    return response
  })
}

const asProblem = (cause: Cause.Cause<Problem | Transient>, requestId: string) => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error instanceof Problem) return Effect.succeed(problemResponse(error, requestId))
  if (error !== undefined) {
    return Effect.logWarning(error.message).pipe(
      Effect.as(
        problemResponse(unavailable("A part of the system can not be reached."), requestId),
      ),
    )
  }
  if (Cause.hasInterruptsOnly(cause)) {
    return Effect.succeed(problemResponse(unavailable("The service is stopping."), requestId))
  }
  return Effect.logError("A request met a defect", { requestId }, cause).pipe(
    Effect.as(problemResponse(internalError, requestId)),
  )
}

const addOperations = (
  app: App,
  { name, description, routes, ready }: AppOptions,
  run: <A>(effect: Effect.Effect<A>) => Promise<A>,
) => {
  const document = openApiDocument({ name, description, routes })
  app.get("/livez", (context) => context.json({ status: "alive", service: name }))
  app.get("/readyz", async (context) => {
    const checks = await run(
      Effect.all(
        Object.entries(ready).map(([what, check]) =>
          check.pipe(Effect.match({
            onSuccess: () => [what, "ok"] as const,
            onFailure: (error) => [what, error.message] as const,
          }))
        ),
        { concurrency: "unbounded" },
      ),
    )
    const ok = checks.every(([, state]) => state === "ok")
    const status: ContentfulStatusCode = ok ? 200 : 503
    return context.json(
      { status: ok ? "ready" : "not ready", service: name, checks: Object.fromEntries(checks) },
      status,
    )
  })
  app.get("/metrics", async (context) => context.text(await run(PrometheusMetrics.format())))
  app.get("/openapi.json", (context) => context.json(document))
  // The same document under a name of its own, for a gateway that serves those of several services.
  app.get(`/openapi/${name}.json`, (context) => context.json(document))
}

const addWrongMethods = (app: App, routes: ReadonlyArray<Route>) => {
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map((route) => route.method)
    const allow = methods.flatMap((m) => m === "GET" ? ["GET", "HEAD"] : [m]).join(", ")
    app.all(withoutSlash(path), (context) =>
      problemResponse(
        new Problem({
          status: 405,
          code: "method_not_allowed",
          detail: `${context.req.method} is not possible here. Use ${allow}.`,
          headers: { allow },
        }),
      ))
  }
}

/** The problem of a path that nobody serves. */
export const noSuchPath = (path: string): Problem =>
  new Problem({
    status: 404,
    code: "not_found",
    detail: `There is nothing at ${path.slice(0, 100)}. /openapi.json lists what there is.`,
  })
