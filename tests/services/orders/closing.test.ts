/** Requests that wait for the end of an order, or for its events, when the server closes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { listen } from "#shared/http/listen.ts"
import { underLoad } from "#tests/support/patience.ts"
import { startOrders, tokenOf, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

describe("orders, when its server closes", () => {
  it.live("answers waiting requests at once, with the order as it is", () =>
    Effect.gen(function* () {
      const running = yield* startOrders()
      const server = yield* Scope.make()
      const port = yield* listen(running.app, { host: "127.0.0.1", port: 0 }).pipe(
        Scope.provide(server),
      )
      const headers = {
        "authorization": `Bearer ${yield* Effect.promise(() => tokenOf("ann"))}`,
        "content-type": "application/json",
        "prefer": "wait=30",
      }
      const orders = `http://127.0.0.1:${port}/api/orders`
      const waiting = yield* Effect.forkChild(Effect.promise(async () => {
        const response = await fetch(orders, {
          method: "POST",
          headers,
          body: JSON.stringify(wanted),
        })
        return await response.json() as { readonly id: string; readonly status: string }
      }))
      const stored = Effect.promise(() => running.sql<Array<{ id: string }>>`select id from orders`)
      yield* until("the order is stored", Effect.map(stored, (rows) => rows.length === 1))
      const [{ id } = { id: "" }] = yield* stored
      const events = yield* Effect.promise(() => fetch(`${orders}/${id}/events`, { headers }))
      const reader = events.body!.getReader()
      yield* Effect.promise(() => reader.read())

      const startedAt = performance.now()
      yield* Scope.close(server, Exit.void)
      assert.isBelow(performance.now() - startedAt, underLoad(3_000))
      const order = yield* Fiber.join(waiting)
      assert.deepStrictEqual([order.id, order.status], [id, "pending"])
      assert.deepStrictEqual(yield* Effect.promise(() => reader.read()), {
        done: true,
        value: undefined,
      })
    }).pipe(Effect.scoped))
})
