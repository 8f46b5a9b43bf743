/**
 * Both doors of a service as one app, for tests that use routes of both and do not check who may
 * call them.
 */
import { Hono } from "hono"
import type { App, Doors } from "#shared/http/doors.ts"
import { withoutSlash } from "#shared/http/route.ts"

/** Passes each request to the internal door if that has its path, else to the public one. */
export const oneDoor = (doors: Doors): App => {
  const internalPaths = doors.internal.routes.map(({ path }) =>
    new RegExp(`^${path.replace(/:\w+/g, "[^/]+")}$`)
  )
  const app: App = new Hono({ strict: false })
  app.all("*", ({ env, req }) => {
    const path = withoutSlash(req.path)
    const isInternal = internalPaths.some((one) => one.test(path))
    const door = isInternal ? doors.internal : doors.public
    return door.fetch(req.raw, env)
  })
  return app
}
