/**
 * Intake while the database or the queue is unavailable: no accepted order is lost, and failures
 * are answered at once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { openLine } from "#tests/shared/postgres/line.ts"
import { underLoad } from "#tests/support/patience.ts"
import { startRedis } from "#tests/support/redis.ts"
import { type Answer, place, type RunningOrders, startOrders, wanted } from "./running-orders.ts"
import { until } from "./until.ts"

const assertUnavailable = ({ status, headers, body }: Answer) => {
  assert.strictEqual(status, 503)
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
  assert.strictEqual(headers.get("retry-after"), "1")
  assert.strictEqual(body.code, "service_unavailable")
}

const readiness = ({ call }: RunningOrders) => call("/readyz", { user: null })

describe("with the database unavailable", () => {
  it.live("answers 503 at once, and works again without a restart when the database is back", () =>
    Effect.gen(function* () {
      const unharmed = yield* startOrders()
      const line = yield* openLine(unharmed.environment.DATABASE_URL!)
      const running = yield* unharmed.replica({ DATABASE_URL: line.url })
      const { id } = yield* place(running)
      for (let outage = 0; outage < 2; outage++) {
        line.become = "hanging up"
        line.reset()
        const startedAt = performance.now()
        assertUnavailable(yield* running.call("/api/orders/", { body: wanted }))
        assertUnavailable(yield* running.call("/api/orders/"))
        assertUnavailable(yield* running.call(`/api/orders/${id}`))
        assertUnavailable(yield* running.call(`/api/orders/${id}/events`))
        assert.isBelow(performance.now() - startedAt, underLoad(5_000))
        const { status, body } = yield* readiness(running)
        assert.strictEqual(status, 503)
        assert.match(body.checks.database, /^The database /)
        line.become = "open"
        yield* until(
          "the service is ready again",
          Effect.map(readiness(running), ({ status }) => status === 200),
        )
        yield* place(running)
      }
      assert.strictEqual((yield* running.call("/api/orders/")).body.length, 3)
    }))
})

describe("with the queue unavailable", () => {
  it.live("accepts orders, which the sweeper of another replica publishes", () =>
    Effect.gen(function* () {
      const redis = yield* Effect.acquireRelease(
        Effect.promise(() => startRedis()),
        ({ kill }) => Effect.promise(kill),
      )
      const line = yield* openLine(redis.url)
      const running = yield* startOrders({ REPUBLISH_AFTER: "100 millis" })
      const cutOff = yield* running.replica({ QUEUE_URL: line.url, REPUBLISH_AFTER: "100 millis" })
      line.become = "hanging up"
      line.reset()
      const startedAt = performance.now()
      const { id } = yield* place(cutOff)
      assert.isBelow(performance.now() - startedAt, underLoad(1_000))
      assert.strictEqual((yield* readiness(cutOff)).status, 200)
      yield* until(
        "a sweeper publishes the order",
        Effect.map(running.published, (all) => all.some(({ orderId }) => orderId === id)),
      )
      // Once or more: on a busy machine, the order may be due again before it is published.
      const [message] = yield* running.published
      assert.isAtLeast(message!.republished, 1)
    }))
})
