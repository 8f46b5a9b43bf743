/**
 * No order suffers for another: refused orders among good ones, and participants that are
 * unavailable for some of them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { encodeEntry } from "#shared/queue/entry.ts"
import { newOrderId } from "#tests/instruments/conformance/ids.ts"
import { until } from "#tests/services/orders/until.ts"
import { anOrder } from "#tests/shared/queue/subjects.ts"
import { underLoad } from "#tests/support/patience.ts"
import {
  type Conduct,
  isDown,
  metricOf,
  redisOf,
  startSystem,
  type System,
  works,
} from "./running-system.ts"

/** Refuses requests with a command for the resource, as a participant of another version may. */
const refuses = (resource: string, status: number): Conduct => async (answer, request) => {
  const isMeant = (await request.clone().text()).includes(`"resource":"${resource}"`)
  return isMeant ? Response.json({ code: "refused" }, { status }) : await answer()
}

const downFor = (action: "reserve" | "cancel"): Conduct => async (answer, request) => {
  const isMeant = (await request.clone().text()).includes(`"action":"${action}"`)
  return await (isMeant ? isDown : works)(answer, request)
}

/** Places orders over ten items and slots. A customer can pay for two hundred. */
const placeMany = (
  system: System,
  user: string,
  count: number,
  change: { readonly amount?: number } = {},
) =>
  Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    (n) => system.order(user, { amount: 0.5, item: 1 + n % 10, slot: `0${n % 10}:00`, ...change }),
    { concurrency: 20 },
  )

const endsOf = (system: System, user: string, placed: ReadonlyArray<OrderDetails>) =>
  Effect.forEach(
    placed,
    ({ id }) => Effect.map(system.final(user, id), ({ status }) => status),
    { concurrency: 20 },
  )

const walletOf = (system: System, user: string) =>
  Effect.map(system.left(user), ([wallet]) => wallet)

const allAre = (ends: ReadonlyArray<string>, end: string) =>
  assert.deepStrictEqual([...new Set(ends)], [end])

describe("an order that a participant refuses to work on", () => {
  it.live("is one dead letter, and does not affect two hundred others", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const { add, deadLetters, waiting } = yield* redisOf(system)
      const user = yield* system.customer
      system.conduct.items = refuses("13", 400)
      const first = yield* placeMany(system, user, 100)
      const poison = newOrderId(Date.now())
      yield* add(encodeEntry({
        ...anOrder(),
        orderId: poison,
        username: user,
        amountMinor: 50,
        details: { item: 13, slot: "09:00" },
        createdAtMs: Date.now(),
      }))
      const placed = [...first, ...yield* placeMany(system, user, 99)]
      const orchestrator = yield* system.orchestrate()
      allAre(yield* endsOf(system, user, placed), "completed")
      yield* until("the queue is empty", Effect.map(waiting, (left) => left === 0))
      const letters = yield* deadLetters
      assert.strictEqual(letters.length, 1)
      assert.include(letters[0], poison)
      assert.include(letters[0], "items answered 400")
      assert.isAtLeast(yield* metricOf(orchestrator, 'sagas_ended_total\\{end="buried"\\}'), 1)
      // Its money stays reserved for the audit to find, as orders does not know the order.
      assert.strictEqual(yield* walletOf(system, user), 10_000 - 200 * 50)
    }))

  it.live("has one letter, however often it is published, and is aborted at its deadline", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const { deadLetters } = yield* redisOf(system)
      const user = yield* system.customer
      system.conduct.items = refuses("10", 400)
      const { id } = yield* system.order(user, { amount: 10, item: 10 })
      const patient = yield* system.orchestrate()
      yield* until(
        "the order is published again after its letter was written",
        Effect.promise(async () => {
          const [row] = await system.orders.sql`select republished from orders where id = ${id}`
          return row!.republished > 1
        }),
      )
      assert.strictEqual((yield* deadLetters).length, 1)
      yield* patient.stop
      yield* system.orchestrate({ ORDER_DEADLINE: "1 second" })
      yield* until(
        "the order is aborted",
        Effect.map(system.look(user, id), ({ status }) => status === "compensating"),
      )
      const { reason, timeline } = yield* system.look(user, id)
      assert.strictEqual(reason, "Order timed out")
      assert.deepStrictEqual(timeline.map(({ action, step }) => `${action} ${step}`), [])
      assert.strictEqual((yield* deadLetters).length, 1)
      // A later version of items accepts it, so the next publication ends the order.
      system.conduct.items = works
      assert.strictEqual((yield* system.final(user, id)).status, "failed")
      assert.strictEqual(yield* walletOf(system, user), 10_000)
      assert.strictEqual((yield* deadLetters).length, 1)
    }))

  it.live("times out alone even when it breaks the participant", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const { deadLetters } = yield* redisOf(system)
      const user = yield* system.customer
      const bad = yield* Effect.replicateEffect(system.order(user, { amount: 1, item: 11 }), 2)
      const good = yield* placeMany(system, user, 150)
      system.conduct.items = async (answer, request) => {
        const { commands } = await request.clone().json()
        const isBroken = commands.some(
          ({ action, resource }: Record<string, string>) =>
            action === "reserve" && resource === "11",
        )
        return isBroken ? Response.json({}, { status: 500 }) : await answer()
      }
      const patient = yield* system.orchestrate()
      allAre(yield* endsOf(system, user, good), "completed")
      yield* patient.stop
      yield* system.orchestrate({ ORDER_DEADLINE: "1 second" })
      for (const { id } of bad) {
        const { status, reason } = yield* system.final(user, id)
        assert.deepStrictEqual([status, reason], ["failed", "Order timed out"])
      }
      assert.strictEqual(yield* walletOf(system, user), 10_000 - 150 * 50)
      assert.deepStrictEqual(yield* deadLetters, [])
    }))
})

describe("an unavailable participant", () => {
  it.live("holds up only the orders that need it, and lets others begin", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const orchestrator = yield* system.orchestrate()
      const user = yield* system.customer
      system.conduct.items = isDown
      const waiting: Array<OrderDetails> = []
      for (let round = 0; round < 4; round++) {
        waiting.push(...yield* placeMany(system, user, 10))
        const poor = yield* placeMany(system, user, 10, { amount: 1_000 })
        const ends = yield* Effect.forEach(poor, ({ id }) => system.final(user, id))
        for (const { status, reason } of ends) {
          assert.deepStrictEqual([status, reason], ["failed", "Not enough money"])
        }
      }
      assert.strictEqual(yield* metricOf(orchestrator, "sagas_running"), 40)
      system.conduct.items = works
      allAre(yield* endsOf(system, user, waiting), "completed")
      assert.strictEqual(yield* walletOf(system, user), 10_000 - 40 * 50)
    }))

  it.live("lets orders complete while it still has to undo others", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ ORDER_DEADLINE: `${underLoad(1_500)} millis` })
      const orchestrator = yield* system.orchestrate()
      const user = yield* system.customer
      system.conduct.items = downFor("reserve")
      system.conduct.slots = downFor("cancel")
      const late = yield* placeMany(system, user, 10)
      yield* until(
        "all late orders are stuck",
        Effect.map(metricOf(orchestrator, "sagas_stuck"), (stuck) => stuck === 10),
      )
      for (const { id } of late) {
        yield* until(
          "the register knows what the order waits for",
          Effect.map(
            system.look(user, id),
            ({ status, stuck }) => status === "compensating" && stuck?.step === "slot",
          ),
        )
      }
      system.conduct.items = works
      const good = yield* placeMany(system, user, 30)
      allAre(yield* endsOf(system, user, good), "completed")
      // Strictly the last step first: nothing is given back before the slot is known to be free.
      assert.strictEqual(yield* walletOf(system, user), 10_000 - 40 * 50)
      system.conduct.slots = works
      allAre(yield* endsOf(system, user, late), "failed")
      assert.strictEqual(yield* walletOf(system, user), 10_000 - 30 * 50)
    }))
})
