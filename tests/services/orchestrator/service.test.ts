/** The orchestrator with real services, real databases, a real Redis, and failing calls. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { encodeEntry } from "#shared/queue/entry.ts"
import { newOrderId } from "#tests/instruments/conformance/ids.ts"
import { until } from "#tests/services/orders/until.ts"
import { openLine } from "#tests/shared/postgres/line.ts"
import { anOrder } from "#tests/shared/queue/subjects.ts"
import {
  isDown,
  losesAnswers,
  metricOf,
  readinessOf,
  redisOf,
  startSystem,
  works,
} from "./running-system.ts"

const untouched = [10_000, 100, 100] as const

const steps = ({ timeline }: OrderDetails) =>
  timeline.map(({ step, action, outcome }) => `${action} ${step}: ${outcome}`)

describe("the orchestrator", () => {
  it.live("completes an order, and leaves nothing on the queue", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      yield* system.orchestrate()
      const user = yield* system.customer
      const { id } = yield* system.order(user)
      const done = yield* system.final(user, id)
      assert.deepInclude(done, { status: "completed", success: true, reason: null })
      assert.deepStrictEqual(steps(done), [
        "reserve money: reserved",
        "reserve item: reserved",
        "reserve slot: reserved",
      ])
      assert.deepStrictEqual(yield* system.left(user), [8001, 99, 99])
      const { waiting } = yield* redisOf(system)
      yield* until("the queue is empty", Effect.map(waiting, (n) => n === 0))
    }))

  it.live("undoes an order that is rejected at any step, and gives the refusal word for word", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      yield* system.orchestrate()
      const user = yield* system.customer
      for (
        const [change, reason, timeline] of [
          [{ amount: 100.01 }, "Not enough money", ["reserve money: rejected"]],
          [{ item: 11 }, "Can not reserve the item", [
            "reserve money: reserved",
            "reserve item: rejected",
            "cancel money: cancelled",
          ]],
          [{ slot: "23:00" }, "Can not get the delivery slot", [
            "reserve money: reserved",
            "reserve item: reserved",
            "reserve slot: rejected",
            "cancel item: cancelled",
            "cancel money: cancelled",
          ]],
        ] as const
      ) {
        const { id } = yield* system.order(user, change)
        const done = yield* system.final(user, id)
        assert.deepInclude(done, { status: "failed", success: false, reason })
        assert.deepStrictEqual(steps(done), [...timeline])
        assert.deepStrictEqual(yield* system.left(user), untouched)
      }
    }))

  it.live("carries out each order once, even when every answer is lost at first", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      for (const name of ["billing", "items", "slots", "orders"] as const) {
        let lost = 0
        system.conduct[name] = (answer, request) =>
          (lost++ < 2 ? losesAnswers : works)(answer, request)
      }
      yield* system.orchestrate()
      const user = yield* system.customer
      const [good, bad] = [yield* system.order(user), yield* system.order(user, { slot: "23:00" })]
      assert.strictEqual((yield* system.final(user, good.id)).status, "completed")
      assert.strictEqual((yield* system.final(user, bad.id)).status, "failed")
      assert.deepStrictEqual(yield* system.left(user), [8001, 99, 99])
    }))

  it.live("aborts an order at its deadline, shows what its compensation waits for, and ends it", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ ORDER_DEADLINE: "700 millis" })
      const orchestrator = yield* system.orchestrate()
      const user = yield* system.customer
      system.conduct.items = isDown
      const { id } = yield* system.order(user)
      yield* until(
        "the order shows what it waits for",
        Effect.map(system.look(user, id), ({ stuck }) => stuck !== null),
      )
      const { stuck, ...order } = yield* system.look(user, id)
      assert.deepInclude(order, {
        status: "compensating",
        success: null,
        reason: "Order timed out",
      })
      assert.deepInclude(stuck, {
        step: "item",
        cause: "items cannot be reached (ECONNREFUSED)",
      })
      assert.isAtLeast(stuck!.attempts, 3)
      assert.isAbove(Date.parse(stuck!.nextAttemptAt), Date.parse(order.createdAt))
      assert.strictEqual(yield* metricOf(orchestrator, "sagas_stuck"), 1)
      assert.isTrue(
        orchestrator.logs.some((line) => /^Warn .*compensation of item is stuck/.test(line)),
      )
      system.conduct.items = works
      const done = yield* system.final(user, id)
      assert.deepInclude(done, { status: "failed", reason: "Order timed out", stuck: null })
      assert.deepStrictEqual(steps(done), [
        "reserve money: reserved",
        "cancel slot: cancelled",
        "cancel item: cancelled",
        "cancel money: cancelled",
      ])
      assert.deepStrictEqual(yield* system.left(user), untouched)
      yield* until(
        "no saga is stuck any more",
        Effect.map(metricOf(orchestrator, "sagas_stuck"), (n) => n === 0),
      )
    }))

  it.live("buries entries that it cannot work on, with their causes, and continues with others", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const { add, deadLetters } = yield* redisOf(system)
      const user = yield* system.customer
      const forged = newOrderId(Date.now())
      yield* add(encodeEntry({
        ...anOrder(),
        orderId: forged,
        username: user,
        amountMinor: 1,
        createdAtMs: Date.now(),
      }))
      yield* add(["message", "{}"])
      // Items has another reservation on record for this order.
      const { id: mismatched } = yield* system.order(user)
      yield* Effect.promise(() =>
        system.sql.items`
        insert into reservations (order_id, outcome, resource, quantity)
        values (${mismatched}, 'reserved', '1', 2)`
      )
      const { id: good } = yield* system.order(user)
      const patient = yield* system.orchestrate()
      assert.strictEqual((yield* system.final(user, good)).status, "completed")
      yield* until("all bad entries are buried", Effect.map(deadLetters, (all) => all.length >= 3))
      const causes = yield* deadLetters
      const causeOf = (id: string) => causes.find((letter) => letter.includes(id))
      assert.match(causeOf(forged)!, /The orders service does not know this order/)
      assert.match(
        causeOf(mismatched)!,
        /items has another reservation on record for the same order/,
      )
      assert.isTrue(causes.some((letter) => letter.includes("not an order message")))
      yield* patient.stop
      yield* system.orchestrate({ ORDER_DEADLINE: "1 second" })
      // The mismatched order does not stay undecided: it is aborted at its deadline.
      assert.strictEqual((yield* system.final(user, mismatched)).reason, "Order timed out")
      assert.strictEqual((yield* system.left(user))[0], 8001)
    }))

  it.live("shares one queue with another orchestrator, even when messages come twice", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const { add } = yield* redisOf(system)
      const user = yield* system.customer
      const placed = yield* Effect.forEach(
        Array.from({ length: 120 }),
        () => system.order(user, { amount: 1 }),
        { concurrency: 20 },
      )
      for (const message of yield* system.orders.published) yield* add(encodeEntry(message))
      const two = [yield* system.orchestrate(), yield* system.orchestrate({ SAGAS_IN_FLIGHT: "7" })]
      const ends = yield* Effect.forEach(placed, ({ id }) => system.final(user, id), {
        concurrency: 20,
      })
      // The stock, the wallet and the slot each suffice for a hundred orders.
      const completed = ends.filter(({ status }) => status === "completed")
      assert.strictEqual(completed.length, 100)
      assert.deepStrictEqual(yield* system.left(user), [0, 0, 0])
      for (const orchestrator of two) {
        yield* until(
          "no saga is in flight",
          Effect.map(metricOf(orchestrator, "sagas_running"), (n) => n === 0),
        )
      }
      // Many sagas share a request.
      assert.isBelow(system.requests.billing, 200)
    }))

  it.live("reports an unavailable queue, and recovers by itself when it is back", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const line = yield* openLine(system.orders.environment.QUEUE_URL!)
      line.become = "hanging up"
      const orchestrator = yield* system.orchestrate({ QUEUE_URL: line.url.replace(/\/$/, "") })
      const away = yield* readinessOf(orchestrator)
      assert.deepInclude(away, { status: 503, services: "ok" })
      assert.match(away.queue, /^The order queue at redis:\/\/127\.0\.0\.1:\d+ cannot be reached/)
      const user = yield* system.customer
      const { id } = yield* system.order(user)
      line.become = "open"
      assert.strictEqual((yield* system.final(user, id)).status, "completed")
      assert.deepStrictEqual(
        yield* readinessOf(orchestrator),
        { status: 200, queue: "ok", services: "ok" },
      )
      line.become = "hanging up"
      line.reset()
      const next = yield* system.order(user)
      yield* Effect.sleep("300 millis")
      line.become = "open"
      assert.strictEqual((yield* system.final(user, next.id)).status, "completed")
    }))

  it.live("measures sagas, orders and callees", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const orchestrator = yield* system.orchestrate()
      const user = yield* system.customer
      const { id } = yield* system.order(user)
      yield* system.final(user, id)
      const text = yield* Effect.promise(async () =>
        (await orchestrator.app.request("/metrics")).text()
      )
      for (
        const line of [
          /^sagas_running \d+$/m,
          /^sagas_stuck \d+$/m,
          /^sagas_ended_total\{end="buried"\} \d+$/m,
          /^service_misconfigured\{service="items"\} 0$/m,
          /^service_misconfigured\{service="orders"\} 0$/m,
          /^sagas_ended_total\{end="completed"\} [1-9]\d*$/m,
          /^order_duration_seconds_count [1-9]\d*$/m,
        ]
      ) assert.match(text, line)
    }))
})
