/**
 * The app of a service that listens but is still starting: it waits for its database, or migrates
 * it.
 */
import { Hono } from "hono"
import { answerHeaders } from "./answer-headers.ts"
import type { App, Doors } from "./doors.ts"
import { problemResponse, unavailable } from "./problem.ts"
import { requestIdOf } from "./request-origin.ts"

/** Alive and not ready; every other path answers 503 with Retry-After. */
export const startingApp = (service: string): Doors => {
  const internal = closedApp()
  internal.get(
    "/livez",
    (context) => context.json({ status: "alive", service }, 200, answerHeaders),
  )
  internal.get(
    "/readyz",
    (context) =>
      context.json(
        { status: "not ready", service, checks: { start: "still starting" } },
        503,
        answerHeaders,
      ),
  )
  return { public: closedApp(), internal }
}

const closedApp = (): App => {
  const app: App = new Hono({ strict: false })
  app.notFound(({ req }) =>
    problemResponse(unavailable("The service is still starting."), requestIdOf(req.raw))
  )
  return app
}
