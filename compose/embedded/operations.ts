/**
 * The operators' routes of the embedded run as a whole, at a separate port: whether it is alive,
 * whether every service is ready and why not, and metrics.
 */
import { Hono } from "hono"
import { answerHeaders } from "#shared/http/answer-headers.ts"
import type { App } from "#shared/http/doors.ts"
import { Problem, problemResponse } from "#shared/http/problem.ts"
import { requestIdOf } from "#shared/http/request-origin.ts"
import type { Apps } from "./services.ts"

const noSuchPath = new Problem({
  status: 404,
  code: "not_found",
  detail: "There is nothing here. Use /livez, /readyz or /metrics.",
})

export const operations = (apps: Apps): App => {
  const app: App = new Hono({ strict: false })
  app.get("/livez", (context) => context.json({ status: "alive" }, 200, answerHeaders))
  app.get("/readyz", async (context) => {
    const states = await Promise.all(
      Object.entries(apps).map(async ([name, service]) => {
        const response = await service.internal.request("/readyz", undefined, context.env)
        const { checks } = await response.json() as { readonly checks: unknown }
        return { name, ready: response.status === 200, checks }
      }),
    )
    const ready = states.every((state) => state.ready)
    return context.json(
      {
        status: ready ? "ready" : "not ready",
        services: Object.fromEntries(states.map(({ name, checks }) => [name, checks])),
      },
      ready ? 200 : 503,
      answerHeaders,
    )
  })
  // For services elsewhere, as their JWKS_URL: it contains no secrets, and is not at the public
  // port.
  app.get("/internal/jwks.json", ({ req, env }) => apps.auth.internal.fetch(req.raw, env))
  // One process has one metrics registry, so any service can serve it.
  app.get("/metrics", () => apps.orders.internal.request("/metrics"))
  app.notFound(({ req }) => problemResponse(noSuchPath, requestIdOf(req.raw)))
  return app
}
