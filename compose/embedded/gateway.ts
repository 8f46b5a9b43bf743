/**
 * The one door of the embedded run: it routes the public paths to their services and nothing else, as the gateway of
 * Compose and the ingress of Kubernetes do. Internal routes cannot be reached through it.
 */
import { Hono } from "hono"
import type { App } from "#shared/http/app.ts"
import { toDocs } from "#shared/http/docs.ts"
import { noSuchPath } from "#shared/http/no-route.ts"
import { internalError, problemResponse } from "#shared/http/problem.ts"
import { requestIdOf } from "#shared/http/request-origin.ts"
import { publicServices, roster, type ServiceName } from "#shared/roster.ts"

/** Routes to the apps in memory. `operations` answers /livez, /readyz and /metrics for all of them. */
export const gateway = (
  apps: Readonly<Record<ServiceName, Pick<App, "fetch">>>,
  operations: App,
): App => {
  const app: App = new Hono({ strict: false })
  for (const name of publicServices) {
    for (const path of roster[name].paths) {
      app.all(path, (context) => apps[name].fetch(context.req.raw, context.env))
    }
  }
  app.get("/", () => toDocs())
  app.route("/", operations)
  app.onError((error, { req }) => {
    console.error(error)
    return problemResponse(internalError, requestIdOf(req.raw))
  })
  app.notFound(({ req }) => problemResponse(noSuchPath(req.path), requestIdOf(req.raw)))
  return app
}
