/** An orchestrator that stops in the middle of its work, and the next one, which ends that work. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "#tests/services/orders/until.ts"
import { underLoad } from "#tests/support/patience.ts"
import { hangs, redisOf, type RunningOrchestrator, startSystem, works } from "./running-system.ts"

const untouched = [10_000, 100, 100] as const

/** Stops the orchestrator, and returns how long that took in milliseconds. */
const stopMs = ({ stop }: RunningOrchestrator) =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    yield* stop
    return performance.now() - startedAt
  })

// Each test waits for seconds, so they wait together.
describe.concurrent("a stop", () => {
  it.live("ends in time while a participant hangs; the next orchestrator ends the order", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const first = yield* system.orchestrate({ CALL_TIMEOUT: "5 seconds" })
      const user = yield* system.customer
      system.conduct.slots = hangs
      const { id } = yield* system.order(user)
      yield* until("slots is called", () => system.requests.slots > 0)
      assert.isBelow(yield* stopMs(first), underLoad(9_500))
      assert.strictEqual((yield* system.look(user, id)).status, "pending")
      const { waiting } = yield* redisOf(system)
      assert.strictEqual(yield* waiting, 1)
      system.conduct.slots = works
      yield* system.orchestrate()
      assert.strictEqual((yield* system.final(user, id)).status, "completed")
      assert.deepStrictEqual(yield* system.left(user), [8001, 99, 99])
    }))

  it.live("may come during a compensation; the next orchestrator ends that too", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const first = yield* system.orchestrate({ CALL_TIMEOUT: "2 seconds" })
      const user = yield* system.customer
      const { id } = yield* system.order(user, { slot: "23:00" })
      system.conduct.items = async (answer, request) => {
        const { commands: [command] } = await request.clone().json()
        return (command.action === "cancel" ? hangs : works)(answer, request)
      }
      yield* until(
        "the order is being undone",
        Effect.map(system.look(user, id), ({ status }) => status === "compensating"),
      )
      assert.isBelow(yield* stopMs(first), underLoad(9_500))
      assert.strictEqual((yield* system.look(user, id)).status, "compensating")
      system.conduct.items = works
      yield* system.orchestrate()
      const reason = "Can not get the delivery slot"
      assert.deepInclude(yield* system.final(user, id), { status: "failed", reason })
      assert.deepStrictEqual(yield* system.left(user), untouched)
    }))
})
