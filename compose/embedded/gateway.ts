/**
 * The only public entry point of the embedded run: it routes the public paths to their services, as
 * Compose's gateway and the Kubernetes ingress do. Internal routes cannot be reached through it.
 */
import { Hono } from "hono"
import type { App, Doors } from "#shared/http/doors.ts"
import { toDocs } from "#shared/http/docs.ts"
import { noSuchPath } from "#shared/http/no-route.ts"
import { internalError, problemResponse } from "#shared/http/problem.ts"
import { requestIdOf } from "#shared/http/request-origin.ts"
import { publicServices, roster, type ServiceName } from "#shared/roster.ts"

type PublicDoor = { readonly public: Pick<Doors["public"], "fetch"> }

/** Routes to the public doors of the services. */
export const gateway = (doors: Readonly<Record<ServiceName, PublicDoor>>): App => {
  const app: App = new Hono({ strict: false })
  for (const name of publicServices) {
    for (const path of roster[name].paths) {
      app.all(path, (context) => doors[name].public.fetch(context.req.raw, context.env))
    }
  }
  app.get("/", () => toDocs())
  app.onError((error, { req }) => {
    console.error(error)
    return problemResponse(internalError, requestIdOf(req.raw))
  })
  app.notFound(({ req }) => problemResponse(noSuchPath(req.path), requestIdOf(req.raw)))
  return app
}
