/** Both doors of a service as one app, for tests that ask for this and that and do not care who may get at it. */
import { Hono } from "hono"
import type { App, Doors } from "#shared/http/app.ts"
import { withoutSlash } from "#shared/http/route.ts"

/** Hands each request to the internal door if that has its path, else to the public one. */
export const oneDoor = (doors: Doors): App => {
  const internalPaths = new Set(doors.internal.routes.map(({ path }) => path))
  const app: App = new Hono({ strict: false })
  app.all("*", ({ env, req }) => {
    const door = internalPaths.has(withoutSlash(req.path)) ? doors.internal : doors.public
    return door.fetch(req.raw, env)
  })
  return app
}
