/**
 * The one door of the embedded run: it routes the public paths to their services and nothing else, as the gateway of
 * Compose and the ingress of Kubernetes do. Internal routes can't be reached through it.
 */
import { Hono } from "hono"
import type { App } from "#shared/http/app.ts"
import { noSuchPath } from "#shared/http/app.ts"
import { docsApp } from "#shared/http/docs.ts"
import { problemResponse } from "#shared/http/problem.ts"

type PublicService = "auth" | "billing" | "orders"

/** Every public path and the service that answers it. */
export const publicPaths: ReadonlyArray<readonly [path: string, service: PublicService]> = [
  ["/api/auth/*", "auth"],
  ["/api/token/*", "auth"],
  ["/.well-known/jwks.json", "auth"],
  ["/openapi/auth.json", "auth"],
  ["/api/accounts/*", "billing"],
  ["/openapi/billing.json", "billing"],
  ["/api/orders/*", "orders"],
  ["/openapi/orders.json", "orders"],
]

/** Routes to the apps in memory. `operations` answers /livez, /readyz and /metrics for all of them. */
export const gateway = (
  apps: Readonly<Record<PublicService, Pick<App, "fetch">>>,
  operations: Hono,
): App => {
  const app: App = new Hono({ strict: false })
  for (const [path, service] of publicPaths) {
    app.all(path, (context) => apps[service].fetch(context.req.raw, context.env))
  }
  app.route("/", docsApp(["auth", "billing", "orders"]))
  app.route("/", operations)
  app.notFound((context) => problemResponse(noSuchPath(context.req.path)))
  return app
}
