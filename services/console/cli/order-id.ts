/** The orders that a person names: by a whole id, or by its beginning where that is one order's alone. */
import { Effect, Schema } from "effect"
import { Misused } from "#shared/command/syntax.ts"
import { IdBeginning } from "#shared/contracts/order-search.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { ConsoleApi } from "./console-api.ts"
import { ApiError } from "./http.ts"

const isId = Schema.is(OrderId)
const isBeginning = Schema.is(IdBeginning)

/** Throws Misused when no order's id begins so. */
export const idBeginningOf = (word: string): string => {
  const lower = word.toLowerCase()
  if (isBeginning(lower)) return lower
  throw new Misused(
    `${JSON.stringify(word)} is no order's id, nor the beginning of one, such as ${example}`,
  )
}

const example = "0193a0a0-0000-7000-8000-000000000001"

/** The one order that is meant. Fails with ApiError when it is none, or one of several. */
export const orderNamed = (
  { orders }: ConsoleApi,
  beginning: string,
): Effect.Effect<OrderId, ApiError> => {
  if (isId(beginning)) return Effect.succeed(beginning)
  return Effect.flatMap(orders({ id: beginning }, { limit: 2 }), ({ orders: [one, other] }) => {
    if (one !== undefined && other === undefined) return Effect.succeed(one.id)
    return new ApiError({
      status: 404,
      message: one === undefined
        ? `There is no order whose id begins with ${beginning}`
        : `Several orders' ids begin with ${beginning}: npm run unwind -- orders --id ${beginning}`,
    })
  })
}
