/**
 * Tells auth whether a user who wants to close their account has unfinished orders: GET
 * /internal/users/unfinished.
 */
import { Effect } from "effect"
import { UnfinishedOrders, UserQuery } from "#shared/contracts/account.ts"
import { route } from "#shared/http/route.ts"
import { AuditedOrders } from "./audited-orders.ts"

export const hasUnfinishedOrders = Effect.gen(function* () {
  const { hasUnfinished } = yield* AuditedOrders
  return yield* route({
    method: "GET",
    path: "/internal/users/unfinished",
    summary: "Whether a user has orders that are not final",
    query: UserQuery,
    answer: { status: 200, description: "Whether there are any", schema: UnfinishedOrders },
    handle: ({ query }) =>
      Effect.map(hasUnfinished(query.username), (unfinished) => ({ body: { unfinished } })),
  })
})
