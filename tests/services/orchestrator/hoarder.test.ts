/**
 * Nobody can block stock without paying. A customer whose orders always fail after the item is
 * reserved, over thirty connections that never pause, hardly hinders other buyers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { orders } from "#services/orders/service.ts"
import { place } from "#tests/services/orders/running-orders.ts"
import { startSystem } from "./running-system.ts"

const connections = 30
const buyers = 35
const leastServed = 0.9

const { ORDERS_PER_USER, ORDERS_PER_SECOND } = orders.settings
/** The default limits. */
const limits = {
  ORDERS_PER_USER: ORDERS_PER_USER.default!,
  ORDERS_PER_SECOND: ORDERS_PER_SECOND.default!,
}
/** Enough for all buyers, beside all that one customer's unfinished orders can hold. */
const stock = buyers + Number(limits.ORDERS_PER_USER)

describe("a customer whose orders always fail after the item is reserved", () => {
  it.live("does not keep others from buying the item", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ ...limits, ITEM_STOCK: `${stock}` })
      yield* system.orchestrate()
      const hoarder = yield* system.customer
      const answers = new Map<number, number>()
      const hoard = Effect.forever(Effect.gen(function* () {
        const body = { amount: 0.01, item: 1, slot: "23:30" }
        const { status } = yield* system.orders.call("/api/orders/", { user: hoarder, body })
        answers.set(status, (answers.get(status) ?? 0) + 1)
      }))
      const attack = yield* Effect.forkChild(
        Effect.all(Array.from({ length: connections }, () => hoard), { concurrency: "unbounded" }),
      )
      const ends = yield* Effect.forEach(
        Array.from({ length: buyers }),
        () =>
          Effect.gen(function* () {
            const user = yield* system.customer
            const { id } = yield* place(system.orders, {
              user,
              body: { amount: 1, item: 1, slot: "09:00" },
            })
            const { status, reason } = yield* Effect.delay(system.final(user, id), "30 millis")
            return reason ?? status
          }),
        { concurrency: 2 },
      )
      yield* Fiber.interrupt(attack)
      const served = ends.filter((end) => end === "completed").length
      assert.isAtLeast(
        served,
        leastServed * buyers,
        JSON.stringify({ ends, answers: [...answers] }),
      )
      assert.isAbove(answers.get(201) ?? 0, 0)
    }))
})
