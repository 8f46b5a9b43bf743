/** The audit that an orchestrator runs by itself: its metric, its log and its requests. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "#tests/services/orders/until.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { type RunningOrchestrator, startSystem, works } from "../running-system.ts"
import { named, startAudit } from "./auditing.ts"
import { putBack, settings, startKept } from "./restored.ts"

const gauges = ({ app }: RunningOrchestrator) =>
  Effect.promise(async () => {
    const text = await (await app.request("/metrics")).text()
    const lines = text.matchAll(/^saga_invariant_violations\{kind="(\w+)"\} (\d+)$/gm)
    return Object.fromEntries([...lines].map(([, kind, count]) => [kind, Number(count)]))
  })

const none = { missing: 0, mismatch: 0, leftover: 0, orphan: 0, stuck: 0, imbalance: 0 }

const logged = ({ logs }: RunningOrchestrator) =>
  logs.filter((line) => /The audit found/.test(line))

/** Counts the orchestrator's reads at items, by path. */
const countReads = (system: Effect.Success<ReturnType<typeof startSystem>>) => {
  const counts: Record<string, number> = {}
  system.conduct.items = (answer, request) => {
    const { pathname } = new URL(request.url)
    if (request.method === "GET") counts[pathname] = (counts[pathname] ?? 0) + 1
    return works(answer, request)
  }
  return (path: string) => counts[path] ?? 0
}

describe("the running audit", () => {
  for (const name of participantNames) {
    it.live(
      `reports every order that ${name} lost or holds again when it is restored`,
      () =>
        Effect.gen(function* () {
          const { system, orchestrator, missing, leftover } = yield* startKept
          assert.isAbove(missing.length, 20)
          assert.deepStrictEqual(logged(orchestrator), [])
          assert.deepStrictEqual(yield* gauges(orchestrator), none)
          yield* putBack(system, name)
          const counts = { ...none, missing: missing.length, leftover: 1 }
          yield* until(
            "all findings are counted",
            Effect.map(gauges(orchestrator), (now) => now.missing === missing.length),
          )
          assert.deepStrictEqual(yield* gauges(orchestrator), counts)
          const expected = [
            ...missing.map((id) => `"orderId":"${id}","participant":"${name}"`),
            `"orderId":"${leftover}","participant":"${name}"`,
          ]
          const lines = logged(orchestrator)
          assert.strictEqual(lines.length, expected.length)
          for (const part of expected) {
            assert.strictEqual(lines.filter((line) => line.includes(part)).length, 1, part)
          }
          const { everything } = yield* startAudit(system, settings.ORDER_DEADLINE)
          const { findings, inQuestion } = yield* everything
          assert.deepStrictEqual(
            named(findings),
            [...missing.map((id) => ["missing", name, id]), ["leftover", name, leftover]]
              .sort((a, b) => `${a}` < `${b}` ? -1 : 1),
          )
          assert.strictEqual(inQuestion, expected.length)
        }),
    )
  }

  it.live(
    "logs findings once, and once that they are gone, and reads the books only then",
    () =>
      Effect.gen(function* () {
        const system = yield* startSystem()
        const reads = countReads(system)
        const orchestrator = yield* system.orchestrate({ AUDIT_EVERY: "20 millis" })
        const user = yield* system.customer
        const { id } = yield* system.order(user)
        yield* system.final(user, id)
        const checked = Effect.suspend(() => {
          const enough = reads("/internal/reservations") + 6
          return until("some audits are made", () => reads("/internal/reservations") >= enough)
        })
        yield* checked
        assert.strictEqual(reads("/internal/books"), 1)
        const { sql } = system
        const cancelled = sql
          .items`update reservations set outcome = 'cancelled' where order_id = ${id}`
        yield* Effect.promise(() => cancelled)
        yield* until("the finding is logged", () => logged(orchestrator).length > 1)
        yield* checked
        assert.strictEqual(logged(orchestrator).length, 2)
        assert.strictEqual(reads("/internal/books"), 2)
        assert.deepInclude(yield* gauges(orchestrator), { missing: 1, imbalance: 1 })
        const repaired = sql
          .items`update reservations set outcome = 'reserved' where order_id = ${id}`
        yield* Effect.promise(() => repaired)
        const isSound = (line: string) => /^Info .*nothing wrong any more/.test(line)
        yield* until("the end of the finding is logged", () => orchestrator.logs.some(isSound))
        assert.deepStrictEqual(yield* gauges(orchestrator), none)
        yield* checked
        assert.strictEqual(reads("/internal/books"), 3)
      }),
  )

  it.live("tries again after a service was unavailable", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const reads = countReads(system)
      let refused = 0
      system.conduct.orders = (answer, request) => {
        if (request.method !== "GET" || refused >= 7) return works(answer, request)
        refused++
        return Promise.resolve(new Response(null, { status: 503 }))
      }
      const orchestrator = yield* system.orchestrate({ AUDIT_EVERY: "20 millis" })
      yield* until("an audit is made", () => reads("/internal/books") > 0)
      assert.strictEqual(
        orchestrator.logs.filter((line) =>
          /^Warn .*The audit will try again: orders answered 503/.test(line)
        ).length,
        1,
      )
    }))
})
