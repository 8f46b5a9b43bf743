/** Answers what no route answers: another method of a path, or another path. */
import type { Context } from "effect"
import { Hono } from "hono"
import type { App } from "./app.ts"
import { durationCounter } from "./durations.ts"
import { Problem, problemResponse } from "./problem.ts"
import { requestIdOf } from "./request-origin.ts"
import { type Route, withoutSlash } from "./route.ts"

/**
 * An app of its own, so that each request of the first one meets one handler, which Hono calls without more ado. They are
 * counted by the path that there is, or together: what people try is without bound.
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
    detail: `${method} is not possible here. Use ${allow}.`,
    headers: { allow },
  })

/** The problem of a path that nobody serves; those that somebody does are described at the other one. */
export const noSuchPath = (path: string, describedAt = "/docs"): Problem =>
  new Problem({
    status: 404,
    code: "not_found",
    detail: `There is nothing at ${path.slice(0, 100)}. ${describedAt} shows what there is.`,
  })
