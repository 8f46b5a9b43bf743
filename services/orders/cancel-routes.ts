/** The route by which a customer cancels an order. */
import { Duration, Effect, Schema } from "effect"
import { OrderView } from "#shared/contracts/order-state.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { route } from "#shared/http/route.ts"
import { Cancellation } from "./cancellation.ts"
import { preferHeader, preferredWait } from "./headers.ts"
import { viewOf } from "./order.ts"

export const cancelOrder = Effect.gen(function* () {
  const { cancel } = yield* Cancellation
  return yield* route({
    method: "POST",
    path: "/api/orders/:id/cancel",
    summary: "Cancel one of your orders that is not decided",
    tag: "orders",
    params: Schema.Struct({ id: OrderId }),
    headers: Schema.Struct(preferHeader),
    answer: {
      status: 200,
      description: "The order is cancelled, now or before; what it holds is given back",
      schema: OrderView,
      headers: { "Preference-Applied": "The wait that was honoured" },
    },
    problems: [404, 409, 429],
    handle: Effect.fnUntraced(function* ({ caller, closing, params, request }) {
      const wait = preferredWait(request)
      const { order, waited } = yield* cancel(
        caller.username,
        params.id,
        wait && { atMost: wait, closing },
      )
      return {
        body: viewOf(order),
        headers: {
          ...(waited && wait && { "preference-applied": `wait=${Duration.toSeconds(wait)}` }),
        },
      }
    }),
  })
})
