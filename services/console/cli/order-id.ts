/**
 * Finds the order that a person names: by its id, or by a beginning that only one order's id has.
 */
import { Effect, Schema } from "effect"
import { Misused } from "#shared/command/understand.ts"
import { IdBeginning } from "#shared/contracts/order-search.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { ConsoleApi } from "./console-api.ts"
import { ApiError } from "./http.ts"

const isId = Schema.is(OrderId)
const isBeginning = Schema.is(IdBeginning)

/** Throws Misused when no id can begin with the word. */
export const idBeginningOf = (word: string): string => {
  const lower = word.toLowerCase()
  if (isBeginning(lower)) return lower
  throw new Misused(
    `${JSON.stringify(word)} is not an order's id or the beginning of one, such as ${example}`,
  )
}

const example = "0193a0a0-0000-7000-8000-000000000001"

/** The order whose id begins so. Fails with ApiError when there is none, or more than one. */
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
