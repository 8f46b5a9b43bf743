/**
 * The one door of the embedded run: it routes the public paths to their services and nothing else, as the gateway of
 * Compose and the ingress of Kubernetes do. Internal routes cannot be reached through it.
 */
import { Hono } from "hono"
import type { App } from "#shared/http/app.ts"
import { noSuchPath } from "#shared/http/no-route.ts"
import { problemResponse } from "#shared/http/problem.ts"
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
  app.get("/", (context) => context.redirect("/docs"))
  app.route("/", operations)
  app.notFound((context) => problemResponse(noSuchPath(context.req.path)))
  return app
}
