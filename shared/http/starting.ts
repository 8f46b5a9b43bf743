/** What a service answers that listens, and still starts: it waits for its database, or migrates it. */
import { Hono } from "hono"
import type { App, Doors } from "./app.ts"
import { problemResponse, unavailable } from "./problem.ts"

/** Alive, not ready, and for everything else 503 with Retry-After. */
export const startingApp = (service: string): Doors => {
  const internal = closedApp()
  internal.get("/livez", (context) => context.json({ status: "alive", service }))
  internal.get(
    "/readyz",
    (context) =>
      context.json({ status: "not ready", service, checks: { start: "it still starts" } }, 503),
  )
  return { public: closedApp(), internal }
}

const closedApp = (): App => {
  const app: App = new Hono({ strict: false })
  app.notFound(() => problemResponse(unavailable("The service still starts.")))
  return app
}
