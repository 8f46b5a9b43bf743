/** Calls an orchestrator as the console does for an operator. */
import { dirname } from "node:path"
import { Context, Effect, Layer } from "effect"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { ServiceSigner, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { tokenOf } from "#tests/services/orders/running-orders.ts"
import type { RunningOrchestrator, System } from "./running-system.ts"

/** Returns a function that sends requests for this operator. A body makes a request a POST. */
export const asConsole = Effect.fnUntraced(function* (
  { orders: { environment } }: System,
  username = "ada",
) {
  const keys = keyFiles(dirname(environment.SERVICE_PUBLIC_KEYS!))
  const signer = Context.get(
    yield* Layer.build(serviceSignerLayer("console", keys.privateKey("console"))),
    ServiceSigner,
  )
  const operator = yield* Effect.promise(() => tokenOf(username, "operator"))
  return Effect.fnUntraced(function* (
    { app }: Pick<RunningOrchestrator, "app">,
    path: string,
    body?: object,
  ) {
    const authorization = `Bearer ${yield* signer.tokenFor("orchestrator")}`
    const response = yield* Effect.promise(() =>
      Promise.resolve(app.request(path, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          authorization,
          "operator-authorization": `Bearer ${operator}`,
          "content-type": "application/json",
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }))
    )
    // deno-lint-ignore no-explicit-any
    return { status: response.status, body: (yield* Effect.promise(() => response.json())) as any }
  })
})
