/**
 * A misconfigured participant: it is reported in readiness, metric and log, retried slowly, and no
 * order is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { serviceKeys } from "#tests/services/orders/running-orders.ts"
import { until } from "#tests/services/orders/until.ts"
import { patienceMs } from "#tests/support/patience.ts"
import {
  metricOf,
  readinessOf,
  redisOf,
  type RunningOrchestrator,
  startSystem,
  type System,
  works,
} from "./running-system.ts"

const placeSome = (system: System, user: string, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    (n) => system.order(user, { amount: 1, item: 1 + n % 10 }),
    { concurrency: 10 },
  )

const misconfigured = (orchestrator: RunningOrchestrator) =>
  metricOf(orchestrator, 'service_misconfigured{service="items"}')

/** Asserts that readiness and the log report the cause. */
const assertReported = (orchestrator: RunningOrchestrator, cause: RegExp) =>
  Effect.gen(function* () {
    yield* until(
      "the participant is reported",
      Effect.map(readinessOf(orchestrator), ({ status }) => status === 503),
    )
    const { services, queue } = yield* readinessOf(orchestrator)
    assert.match(services, cause)
    assert.strictEqual(queue, "ok")
    const warnings = orchestrator.logs.filter((line) => cause.test(line))
    assert.strictEqual(warnings.length, 1)
  })

/** Asserts that the next attempt completes all orders, and that nothing is reported any more. */
const assertRecovered = (
  system: System,
  orchestrator: RunningOrchestrator,
  user: string,
  placed: ReadonlyArray<{ readonly id: string }>,
) =>
  Effect.gen(function* () {
    yield* Effect.forEach(placed, ({ id }) => system.look(user, id)).pipe(
      Effect.repeat({
        schedule: Schedule.spaced("50 millis"),
        until: (orders) => orders.every(({ status }) => status === "completed"),
      }),
      Effect.timeout(patienceMs),
    )
    assert.deepStrictEqual(
      yield* readinessOf(orchestrator),
      { status: 200, queue: "ok", services: "ok" },
    )
    assert.isTrue(orchestrator.logs.some((line) => line.includes(" answers again")))
    const { deadLetters, waiting } = yield* redisOf(system)
    assert.deepStrictEqual(yield* deadLetters, [])
    yield* until("the queue is empty", Effect.map(waiting, (left) => left === 0))
  })

// Each test waits for ten seconds, so they wait together.
describe.concurrent("a participant", () => {
  it.live(
    "that does not know the orchestrator's key is reported until it is corrected",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem()
        const others = keyFiles(yield* serviceKeys)
        yield* system.restart("items", { SERVICE_PUBLIC_KEYS: others.publicKeys })
        /** When each order was sent to items. */
        const asked = new Map<string, Array<number>>()
        system.conduct.items = async (answer, request) => {
          if (request.method === "POST") {
            const { commands } = await request.clone().json()
            for (const { orderId } of commands as ReadonlyArray<{ readonly orderId: string }>) {
              asked.set(orderId, [...asked.get(orderId) ?? [], performance.now()])
            }
          }
          return await works(answer, request)
        }
        const orchestrator = yield* system.orchestrate()
        assert.strictEqual((yield* readinessOf(orchestrator)).status, 200)
        const user = yield* system.customer
        const placed = yield* placeSome(system, user, 20)
        yield* assertReported(orchestrator, /items answered 401: it does not know the caller's key/)
        assert.strictEqual(yield* misconfigured(orchestrator), 1)
        yield* system.restart("items", {})
        yield* assertRecovered(system, orchestrator, user, placed)
        assert.strictEqual(yield* misconfigured(orchestrator), 0)
        // The orders are sent again after ten seconds. Their second request may meet items in the
        // middle of its restart, so there may be more.
        for (const [first, second = Infinity] of asked.values()) {
          assert.isAbove(second - first!, 9_000)
        }
        assert.strictEqual(asked.size, placed.length)
      }),
  )

  it.live(
    "that refuses every request is reported until it is corrected, without dead letters",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem()
        const user = yield* system.customer
        const placed = yield* placeSome(system, user, 50)
        let requests = 0
        system.conduct.slots = (answer, request) => {
          if (request.method !== "POST") return works(answer, request)
          requests++
          return Promise.resolve(Response.json({ code: "invalid_body" }, { status: 422 }))
        }
        const orchestrator = yield* system.orchestrate()
        yield* assertReported(
          orchestrator,
          /slots refuses every request: check that both are of the same/,
        )
        assert.isAtMost(requests, 2 * placed.length)
        system.conduct.slots = works
        yield* assertRecovered(system, orchestrator, user, placed)
      }),
  )
})
