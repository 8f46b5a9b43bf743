/**
 * The two Hono apps of a service, one behind each door: the public routes behind the public one;
 * the internal routes and the endpoints that every service has (/livez, /readyz, /metrics,
 * /openapi.json) behind the internal one. Wrong paths and methods are answered with problems. The
 * apps are plain Fetch handlers: tests call them without a port, Node and Deno serve them, and the
 * embedded run connects the services in memory.
 */
import { Cause, type Context, Effect, Exit, Option } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import { withRequestSpan } from "#shared/telemetry/trace.ts"
import type { Transient } from "#shared/transient.ts"
import { answerHeaders } from "./answer-headers.ts"
import { type Count, durationCounter } from "./durations.ts"
import { noRoute } from "./no-route.ts"
import { openApiDocument } from "./openapi.ts"
import { PeerClocks } from "./peer-clocks.ts"
import { UnresolvedPeers } from "./unresolved-peers.ts"
import { internalError, Problem, problemResponse, unavailable } from "./problem.ts"
import type { App, Bindings, Doors } from "./doors.ts"
import { CurrentRequest, requestIdOf } from "./request-origin.ts"
import { type Route, withoutSlash } from "./route.ts"

export interface AppOptions {
  readonly name: string
  readonly description: string
  readonly routes: ReadonlyArray<Route>
  /** The readiness checks by name; each fails with the cause. */
  readonly ready: Readonly<Record<string, Effect.Effect<void, { readonly message: string }>>>
}

/**
 * Builds both apps; their handlers run with the logger, tracer and clock of the caller's context. A
 * route's `internal` flag alone decides its door.
 */
export const makeApp = (options: AppOptions): Effect.Effect<Doors> =>
  Effect.map(Effect.context<never>(), (context) => {
    const { name, routes } = options
    const publicRoutes = routes.filter((route) => !route.internal)
    const doors = {
      public: appOf(name, publicRoutes, "/docs", context),
      internal: appOf(name, routes.filter((route) => route.internal), "/openapi.json", context),
    }
    // For the gateway: the public routes only, at a path with the service's name.
    const shown = openApiDocument({ ...options, routes: publicRoutes })
    doors.public.get(`/openapi/${name}.json`, (context) => context.json(shown, 200, answerHeaders))
    addOperations(doors.internal, options, Effect.runPromiseWith(context))
    return doors
  })

/** An app of these routes; a 404 refers to `describedAt`. */
const appOf = (
  service: string,
  routes: ReadonlyArray<Route>,
  describedAt: string,
  context: Context.Context<never>,
): App => {
  const run = Effect.runPromiseWith(context)
  const runExit = Effect.runPromiseExitWith(context)
  const app: App = new Hono({ strict: false })
  for (const route of routes) {
    const path = withoutSlash(route.path)
    const count = durationCounter(context, {
      service,
      route: nameOf(route),
      statuses: [route.answer.status, ...failures],
    })
    app.on(route.method, path, ({ req, env }) => {
      const response = answer(route, count, req.raw, {
        requestId: requestIdOf(req.raw),
        query: route.query ? queryOf(req.queries()) : {},
        params: route.params ? req.param() : {},
        remoteAddress: env?.remoteAddress,
        closing: env?.closing ?? Effect.never,
      })
      return route.endsWithClient
        ? runExit(response, untilClosed(req.raw, env)).then((exit) => answerOf(exit, req.raw))
        : run(response)
    })
  }
  const others = noRoute(service, routes, describedAt, context)
  app.notFound(({ req, env }) => others.fetch(req.raw, env))
  const countBroken = durationCounter(context, { service, route: "(broken)", statuses: [500] })
  app.onError((error, { req }) => {
    countBroken(500, 0)
    return run(defectProblem(Cause.die(error), requestIdOf(req.raw)))
  })
  return app
}

/** Alerts count these. A series that begins with its first failure would not count that one. */
const failures = [500, 503]

/** The answer when the handler has ended; an interrupted one has nobody left to answer. */
const answerOf = (exit: Exit.Exit<Response>, request: Request): Response => {
  if (Exit.isSuccess(exit)) return exit.value
  if (Cause.hasInterruptsOnly(exit.cause)) {
    return problemResponse(unavailable("The request was interrupted."), requestIdOf(request))
  }
  throw Cause.squash(exit.cause)
}

/** Interrupts the handler when the client hangs up. */
const untilClosed = (request: Request, env: Bindings | undefined): Effect.RunOptions => {
  const onClose = env?.onClose
  return onClose === undefined
    ? { signal: request.signal }
    : { onFiberStart: (fiber) => onClose(() => fiber.interruptUnsafe()) }
}

/** A repeated parameter becomes a list, so its schema refuses it. */
const queryOf = (queries: Readonly<Record<string, ReadonlyArray<string>>>) =>
  Object.fromEntries(
    Object.entries(queries).map((
      [name, values],
    ) => [name, values.length === 1 ? values[0] : values]),
  ) as Readonly<Record<string, string>>

const nameOf = ({ method, path }: Route) => `${method} ${path}`

const answer = (
  route: Route,
  count: Count,
  request: Request,
  parts: Parameters<Route["respond"]>[1],
) => {
  const startedAtMs = performance.now()
  const { requestId } = parts
  const response = withRequestSpan(
    Effect.catchCause(route.respond(request, parts), (cause) => asProblem(cause, requestId)),
    request,
    { name: nameOf(route), internal: route.internal },
  )
  return Effect.map(
    Effect.provideService(response, CurrentRequest, { requestId, request }),
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
    return Effect.logWarning(error.message, { requestId }).pipe(
      Effect.as(
        problemResponse(unavailable("A part of the system cannot be reached."), requestId),
      ),
    )
  }
  if (Cause.hasInterruptsOnly(cause)) {
    return Effect.succeed(problemResponse(unavailable("The service is stopping."), requestId))
  }
  return defectProblem(cause, requestId)
}

const defectProblem = (cause: Cause.Cause<unknown>, requestId: string) =>
  Effect.as(
    Effect.logError("A request met a defect", { requestId }, cause),
    problemResponse(internalError, requestId),
  )

const wrongClocks = Effect.flatMap(PeerClocks, ({ wrong }) => wrong)
const wrongAddresses = Effect.flatMap(UnresolvedPeers, ({ named }) => named)

const addOperations = (
  app: App,
  { name, description, routes, ready }: AppOptions,
  run: <A>(effect: Effect.Effect<A>) => Promise<A>,
) => {
  const document = openApiDocument({ name, description, routes })
  app.get(
    "/livez",
    (context) => context.json({ status: "alive", service: name }, 200, answerHeaders),
  )
  app.get("/readyz", async (context) => {
    // Unready at once, so that load balancers leave it out while it still serves.
    if (context.env?.draining) {
      return context.json({ status: "stopping", service: name }, 503, answerHeaders)
    }
    const checks = await run(
      Effect.all(
        Object.entries(ready).map(([what, check]) =>
          check.pipe(
            Effect.match({ onSuccess: () => "ok", onFailure: ({ message }) => message }),
            Effect.catchCause((cause) =>
              Effect.as(
                Effect.logError(`${what} met a defect`, cause),
                "failed; see the log",
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
    // Reported, but not a condition: as long as tokens are accepted, everything works, and the name
    // of a container disappears while it is stopped.
    const clocks = [...(await run(wrongClocks)).values()]
    const addresses = await run(wrongAddresses)
    return context.json(
      {
        status: ok ? "ready" : "not ready",
        service: name,
        checks: {
          ...Object.fromEntries(checks),
          ...(clocks.length > 0 && { clocks: clocks.join("; ") }),
          ...(addresses.length > 0 && { addresses: addresses.join("; ") }),
        },
      },
      status,
      answerHeaders,
    )
  })
  app.get(
    "/metrics",
    async (context) =>
      context.text(await run(PrometheusMetrics.format()), 200, {
        ...answerHeaders,
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
      }),
  )
  app.get("/openapi.json", (context) => context.json(document, 200, answerHeaders))
}
