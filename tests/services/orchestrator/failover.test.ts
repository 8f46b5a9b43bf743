/**
 * Redis fails over behind its address while orders come, and the old primary stays up as a replica.
 * The sweeper does not help: all orders are decided before it would republish any.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "#tests/services/orders/until.ts"
import { redisPair, whyNoPair } from "#tests/support/redis-failover.ts"
import { metricOf, readinessOf, startSystem } from "./running-system.ts"

describe(whyNoPair ?? "a failover of Redis", () => {
  it.live.skipIf(whyNoPair !== undefined)(
    "shows in readiness while it lasts, and all orders are decided soon after",
    () =>
      Effect.gen(function* () {
        const { board, changeRoles, replica } = yield* redisPair
        const system = yield* startSystem({ QUEUE_URL: board.url, REPUBLISH_AFTER: "10 minutes" })
        const orchestrator = yield* system.orchestrate({ CLAIM_AFTER: "15 seconds" })
        const [before, during, after] = [
          yield* system.customer,
          yield* system.customer,
          yield* system.customer,
        ]
        yield* system.final(before, (yield* system.order(before)).id)
        yield* changeRoles
        const accepted = yield* system.order(during)
        yield* until(
          "the orchestrator is not ready",
          Effect.map(readinessOf(orchestrator), ({ queue }) => /READONLY/.test(queue)),
        )
        assert.strictEqual((yield* system.look(during, accepted.id)).status, "pending")
        board.switchTo(replica.url)
        const { id } = yield* system.order(after)
        assert.strictEqual((yield* system.final(after, id)).status, "completed")
        assert.strictEqual((yield* system.final(during, accepted.id)).status, "completed")
        assert.strictEqual((yield* readinessOf(orchestrator)).queue, "ok")
        assert.strictEqual(yield* metricOf(system.orders, "orders_republished_total"), 0)
      }),
  )
})
