/** Calls an orders service as another service does, or as the console does for an operator. */
import { Context, Effect, Layer } from "effect"
import { dirname, join } from "node:path"
import type { ServiceName } from "#shared/roster.ts"
import { ServiceSigner, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { operatorHeader } from "#shared/security/user-tokens.ts"
import { type RunningOrders, tokenOf } from "./running-orders.ts"

/** Returns a function that calls as this service, for this operator. A body makes a call a POST. */
export const askAs = Effect.fnUntraced(
  function* ({ call, environment }: RunningOrders, name: ServiceName, operator?: string) {
    const keyFile = join(dirname(environment["SERVICE_PRIVATE_KEY"]!), `${name}.private.json`)
    const signer = Context.get(yield* Layer.build(serviceSignerLayer(name, keyFile)), ServiceSigner)
    const headers = {
      authorization: `Bearer ${yield* signer.tokenFor("orders")}`,
      ...(operator !== undefined && {
        [operatorHeader]: `Bearer ${yield* Effect.promise(() => tokenOf(operator, "operator"))}`,
      }),
    }
    return (path: string, body?: unknown) => call(path, { user: null, headers, body })
  },
)
