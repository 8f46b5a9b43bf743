/**
 * The Hono app of a service: its routes, wrong paths and methods answered as problems, and the endpoints that every
 * service has: /livez, /readyz, /metrics, /openapi.json. A plain Fetch handler, so a test calls it without a port, Node
 * and Deno serve the same app, and the embedded run wires the services together in memory.
 */
import { Cause, type Context, Effect, Metric, Option } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import { withRequestSpan } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { openApiDocument } from "./openapi.ts"
import { PeerClocks } from "./peer-clocks.ts"
import { internalError, Problem, problemResponse, unavailable } from "./problem.ts"
import type { Route } from "./route.ts"

/** What the server tells of a request; one from inside the process has none of it. */
export interface Bindings {
  readonly remoteAddress?: string | undefined
  /** Succeeds when the server wants to close. */
  readonly closing?: Effect.Effect<void>
  /** Calls back when the client has hung up, or has its answer; without it, the request's signal tells. */
  readonly onClose?: (closed: () => void) => void
}

export type App = Hono<{ Bindings: Bindings }>

export interface AppOptions {
  readonly name: string
  readonly description: string
  readonly routes: ReadonlyArray<Route>
  /** What must work for the service to take requests, by name; each fails with the cause. */
  readonly ready: Readonly<Record<string, Effect.Effect<void, { readonly message: string }>>>
}

const durationsOf = (attributes: Record<"service" | "route" | "status", string>) =>
  Metric.histogram("http_request_duration_seconds", {
    description: "Time from a request's arrival to its answer",
    boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    attributes,
  })

/** Counts the durations of a route by status. Each metric is made once: to make its key costs more than to count with it. */
const durationCounter = (
  service: string,
  { method, path }: Route,
  context: Context.Context<never>,
) => {
  const made = new Map<number, ReturnType<typeof durationsOf>>()
  return (status: number, seconds: number) => {
    const durations = made.get(status) ??
      durationsOf({ service, route: `${method} ${path}`, status: String(status) })
    made.set(status, durations)
    durations.updateUnsafe(seconds, context)
  }
}

/** Builds the app; its handlers run with the logger, tracer and clock of the caller's context. */
export const makeApp = (options: AppOptions): Effect.Effect<App> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const run = Effect.runPromiseWith(context)
    const app: App = new Hono({ strict: false })
    for (const route of options.routes) {
      const path = withoutSlash(route.path)
      const count = durationCounter(options.name, route, context)
      app.on(route.method, path, ({ req, env }) =>
        run(
          answer(route, count, req.raw, {
            requestId: requestIdOf(req.raw),
            query: route.query ? queryOf(req.queries()) : {},
            params: route.params ? req.param() : {},
            remoteAddress: env?.remoteAddress,
            closing: env?.closing ?? Effect.never,
          }),
          route.endsWithClient ? untilClosed(req.raw, env) : undefined,
        ))
    }
    addOperations(app, options, run)
    const others = wrongMethods(options.routes)
    app.notFound(({ req, env }) => others.fetch(req.raw, env))
    app.onError(() => problemResponse(internalError))
    return app
  })

/** Interrupts the handler when the client hangs up: it would work for nobody. */
const untilClosed = (request: Request, env: Bindings | undefined): Effect.RunOptions => {
  const onClose = env?.onClose
  return onClose === undefined
    ? { signal: request.signal }
    : { onFiberStart: (fiber) => onClose(() => fiber.interruptUnsafe()) }
}

/** A parameter that was sent twice is no text any more, so its schema refuses it. */
const queryOf = (queries: Readonly<Record<string, ReadonlyArray<string>>>) =>
  Object.fromEntries(
    Object.entries(queries).map((
      [name, values],
    ) => [name, values.length === 1 ? values[0] : values]),
  ) as Readonly<Record<string, string>>

/** What a client may quote: its own X-Request-Id if that can be one, else a new one. */
const requestIdOf = (request: Request): string => {
  const given = request.headers.get("x-request-id") ?? ""
  return /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID()
}

/** Hono takes the trailing slash off a request's path, but not off a route's. */
const withoutSlash = (path: string) => path.replace(/(?<=.)\/$/, "")

const answer = (
  route: Route,
  count: ReturnType<typeof durationCounter>,
  request: Request,
  parts: Parameters<Route["respond"]>[1],
) => {
  const startedAtMs = performance.now()
  return Effect.map(
    Effect.catchCause(
      withRequestSpan(route.respond(request, parts), request, `${route.method} ${route.path}`),
      (cause) => asProblem(cause, parts.requestId),
    ),
    (response) => {
      count(response.status, (performance.now() - startedAtMs) / 1000)
      return response
    },
  )
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

const wrongClocks = Effect.flatMap(PeerClocks, ({ wrong }) => wrong)

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
          check.pipe(
            Effect.match({ onSuccess: () => "ok", onFailure: ({ message }) => message }),
            Effect.catchCause((cause) =>
              Effect.as(
                Effect.logError(`${what} met a defect`, cause),
                "it does not work; see the log",
              )
            ),
            Effect.map((state) => [what, state] as const),
          )
        ),
        { concurrency: "unbounded" },
      ),
    )
    const ok = checks.every(([, state]) => state === "ok")
    const status: ContentfulStatusCode = ok ? 200 : 503
    // Named, and no condition: while tokens are taken, everything works.
    const clocks = [...(await run(wrongClocks)).values()]
    return context.json({
      status: ok ? "ready" : "not ready",
      service: name,
      checks: {
        ...Object.fromEntries(checks),
        ...(clocks.length > 0 && { clocks: clocks.join("; ") }),
      },
    }, status)
  })
  app.get("/metrics", async (context) => context.text(await run(PrometheusMetrics.format())))
  app.get("/openapi.json", (context) => context.json(document))
  // What the gateway shows: the public routes, under a name of the service's own.
  const publicRoutes = routes.filter((route) => !route.internal)
  const publicDocument = openApiDocument({ name, description, routes: publicRoutes })
  app.get(`/openapi/${name}.json`, (context) => context.json(publicDocument))
}

/**
 * Answers what no route answers: another method of a path, or another path. An app of its own, so that each request of the
 * first one meets one handler, which Hono calls without more ado.
 */
const wrongMethods = (routes: ReadonlyArray<Route>): App => {
  const app: App = new Hono({ strict: false })
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map((route) => route.method)
    const allow = methods.flatMap((m) => m === "GET" ? ["GET", "HEAD"] : [m]).join(", ")
    app.all(withoutSlash(path), ({ req }) =>
      problemResponse(
        new Problem({
          status: 405,
          code: "method_not_allowed",
          detail: `${req.method} is not possible here. Use ${allow}.`,
          headers: { allow },
        }),
        requestIdOf(req.raw),
      ))
  }
  app.notFound(({ req }) => problemResponse(noSuchPath(req.path), requestIdOf(req.raw)))
  return app
}

/** The problem of a path that nobody serves. */
export const noSuchPath = (path: string): Problem =>
  new Problem({
    status: 404,
    code: "not_found",
    detail: `There is nothing at ${path.slice(0, 100)}. /docs shows what there is.`,
  })
