/** Orders whose clients hang up before the answer. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { place, sharedOrders, someone, tokenOf, wanted } from "./running-orders.ts"
import { batchIsBlocked, stallWrites } from "./stalled-table.ts"

const orders = sharedOrders()

/** Sends an order and hangs up after this many turns of the event loop. */
const hangUpAfter = async (turns: number, authorization: string): Promise<void> => {
  const client = new AbortController()
  const answer = orders().app.request("/api/orders/", {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify(wanted),
    signal: client.signal,
  })
  for (let n = 0; n < turns; n++) await new Promise(setImmediate)
  client.abort()
  await answer
}

const turnsAtMost = 20

describe("POST /api/orders/", () => {
  it.live("stores nothing for clients that hang up while they wait behind another order", () =>
    Effect.gen(function* () {
      const user = someone()
      const authorization = `Bearer ${yield* Effect.promise(() => tokenOf(user))}`
      const first = yield* Effect.scoped(Effect.gen(function* () {
        yield* stallWrites(orders().sql)
        const first = yield* Effect.forkDetach(place(orders(), { user }))
        yield* batchIsBlocked(orders().sql)
        for (let turns = 0; turns < turnsAtMost; turns++) {
          yield* Effect.promise(() => hangUpAfter(turns, authorization))
        }
        return first
      }))
      const { id } = yield* Fiber.join(first)
      const last = yield* place(orders(), { user })
      const { body } = yield* orders().call("/api/orders/", { user })
      assert.deepStrictEqual(body.map((order: { readonly id: string }) => order.id), [id, last.id])
    }))
})
