/** Answers what no route answers: 405 for another method of a path, 404 for another path. */
import type { Context } from "effect"
import { Hono } from "hono"
import type { App } from "./doors.ts"
import { durationCounter } from "./durations.ts"
import { Problem, problemResponse } from "./problem.ts"
import { requestIdOf } from "./request-origin.ts"
import { type Route, withoutSlash } from "./route.ts"

/**
 * A separate app, so that each request of the main one meets a single handler, which Hono calls
 * directly. A 405 is counted by its path, all 404s together: the paths that clients try are
 * unbounded.
 */
export const noRoute = (
  service: string,
  routes: ReadonlyArray<Route>,
  describedAt: string,
  context: Context.Context<never>,
): App => {
  const app: App = new Hono({ strict: false })
  for (const path of new Set(routes.map((route) => withoutSlash(route.path)))) {
    const methods = routes.filter((route) => withoutSlash(route.path) === path)
      .map((route) => route.method)
    const allow = methods.flatMap((m) => m === "GET" ? ["GET", "HEAD"] : [m]).join(", ")
    const count = durationCounter(context, {
      service,
      route: `(another method) ${path}`,
      statuses: [405],
    })
    app.all(path, ({ req }) => {
      count(405, 0)
      return problemResponse(notAllowed(req.method, allow), requestIdOf(req.raw))
    })
  }
  const count = durationCounter(context, { service, route: "(no route)", statuses: [404] })
  app.notFound(({ req }) => {
    count(404, 0)
    return problemResponse(noSuchPath(req.path, describedAt), requestIdOf(req.raw))
  })
  return app
}

const notAllowed = (method: string, allow: string) =>
  new Problem({
    status: 405,
    code: "method_not_allowed",
    detail: `${method} is not allowed here. Allowed: ${allow}.`,
    headers: { allow },
  })

/** The problem of a path that is not served; `describedAt` is the path that lists the routes. */
export const noSuchPath = (path: string, describedAt = "/docs"): Problem =>
  new Problem({
    status: 404,
    code: "not_found",
    detail: `Nothing is served at ${path.slice(0, 100)}. ${describedAt} lists the routes.`,
  })
