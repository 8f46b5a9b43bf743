/**
 * A replica behind the proxies: a service with its real server, but without its database, which it
 * does not need.
 */
import { Effect, Layer, Schema } from "effect"
import { makeApp } from "#shared/http/app.ts"
import { anyone, guardedRoute } from "#shared/http/route.ts"
import { run, service } from "#shared/service/service.ts"

const answer = { status: 200, description: "", schema: Schema.Unknown }

const orders = service({
  name: "orders",
  settings: {},
  layers: () => Layer.empty,
  app: () =>
    makeApp({
      name: "orders",
      description: "",
      ready: {},
      routes: [
        guardedRoute(anyone, {
          method: "GET",
          path: "/api/orders/:id",
          summary: "",
          answer,
          handle: () => Effect.succeed({ body: process.pid }),
        }),
        guardedRoute(anyone, {
          method: "POST",
          path: "/api/orders/",
          summary: "",
          body: { schema: Schema.Unknown, maxBytes: 1_000 },
          answer: { ...answer, status: 201 },
          // Long enough for a stop to come during some requests.
          handle: () => Effect.delay(Effect.succeed({ body: process.pid }), "5 millis"),
        }),
      ],
    }),
})

export default run(orders)
