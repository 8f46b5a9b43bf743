/** The one question that auth asks orders: whether a user has unfinished orders. */
import { Context, Effect, Layer, Schema } from "effect"
import { UnfinishedOrders } from "#shared/contracts/account.ts"
import { get } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { type Transient, Unavailable } from "#shared/transient.ts"

export class Orders extends Context.Service<Orders, {
  readonly hasUnfinished: (username: string) => Effect.Effect<boolean, Transient>
}>()("unwind/auth/Orders") {}

const decode = Schema.decodeUnknownEffect(UnfinishedOrders)

export const ordersLayer = (url: URL): Layer.Layer<Orders, never, ServiceSigner> =>
  Layer.effect(
    Orders,
    Effect.map(ServiceSigner, ({ tokenFor }) => {
      const callee = { name: "orders", url, token: tokenFor("orders"), timeoutMs: 5_000 }
      return Orders.of({
        hasUnfinished: (username) =>
          get(callee, `/internal/users/unfinished?username=${encodeURIComponent(username)}`).pipe(
            Effect.flatMap((answer) =>
              Effect.mapError(
                decode(answer),
                () => new Unavailable({ message: "orders gave an answer that auth cannot read" }),
              )
            ),
            Effect.map(({ unfinished }) => unfinished),
          ),
      })
    }),
  )
