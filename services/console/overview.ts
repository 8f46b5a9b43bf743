/** The overview: the state of the whole system, combined from the answers of all services. */
import { Clock, Effect } from "effect"
import { AuditState } from "#shared/contracts/audit.ts"
import type { Overview } from "#shared/contracts/console.ts"
import { OrderCounts } from "#shared/contracts/order-search.ts"
import { QueueState } from "#shared/contracts/queue.ts"
import { StuckGroups } from "#shared/contracts/saga.ts"
import { callsOf, serviceNames } from "#shared/roster.ts"
import { asking, awayOf, known, orAway } from "./asking.ts"
import { type PeerName, Peers } from "./peers.ts"

/** Makes the Effect that reads everything. It never fails: what cannot be read is null. */
export const lookingAtAll = Effect.gen(function* () {
  const { stateOf, metricsOf } = yield* Peers
  const asked = yield* asking
  const others = serviceNames.filter((name): name is PeerName => callsOf("console").includes(name))
  return Effect.gen(function* (): Effect.fn.Return<Overview> {
    const at = new Date(yield* Clock.currentTimeMillis).toISOString()
    const { services, ...told } = yield* Effect.all({
      services: Effect.forEach(others, stateOf, { concurrency: "unbounded" }),
      queue: asked("orchestrator", { path: "/internal/queue", schema: QueueState }),
      orders: asked("orders", { path: "/internal/order-counts", schema: OrderCounts }),
      stuck: asked("orchestrator", { path: "/internal/stuck", schema: StuckGroups }),
      audit: asked("orchestrator", { path: "/internal/audit", schema: AuditState }),
      metrics: orAway(metricsOf("orchestrator"), "orchestrator"),
    }, { concurrency: "unbounded" })
    const metrics = known(told.metrics)
    return {
      // The console is ready, since it answers.
      services: [...services, { service: "console", state: "ready" }],
      queue: known(told.queue),
      orders: known(told.orders),
      stuck: countOf(known(told.stuck)),
      audit: verdictOf(known(told.audit)),
      batches: metrics === null ? null : wavesIn(metrics),
      unavailable: awayOf(Object.values(told)),
      at,
    }
  })
})

const countOf = (stuck: typeof StuckGroups.Type | null) =>
  stuck && { groups: stuck.count, orders: stuck.groups.reduce((sum, { count }) => sum + count, 0) }

const verdictOf = (audit: AuditState | null) => {
  if (audit === null) return null
  const { findings: _, ...verdict } = audit
  return verdict
}

/**
 * The count and the sum of the histogram of waves in Prometheus' text format; null where it is
 * missing.
 */
const wavesIn = (metrics: string) => {
  const valueOf = (series: string) => {
    const value = new RegExp(`^saga_wave_orders_${series}(?:\\{[^}]*\\})? (\\d+)`, "m").exec(
      metrics,
    )
    return value === null ? null : Number(value[1])
  }
  const waves = valueOf("count")
  const orders = valueOf("sum")
  return waves === null || orders === null ? null : { waves, orders }
}
