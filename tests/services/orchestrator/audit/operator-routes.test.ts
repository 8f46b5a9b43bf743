/** The audit and healing for the console, at whichever of two orchestrators. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { AuditState, HealResponse } from "#shared/contracts/audit.ts"
import { until } from "#tests/services/orders/until.ts"
import { asConsole } from "../as-console.ts"
import { isDown, type RunningOrchestrator, startSystem, works } from "../running-system.ts"
import { putBack, startKept } from "./restored.ts"

const none = { missing: 0, mismatch: 0, leftover: 0, orphan: 0, stuck: 0, imbalance: 0 }
const reason = "billing was restored"

type Ask = Effect.Success<ReturnType<typeof asConsole>>

const stateAt = (ask: Ask, at: RunningOrchestrator) =>
  Effect.map(ask(at, "/internal/audit"), ({ body }) => Schema.decodeSync(AuditState)(body))

/** Asks until the healing is finished, however slow it is. */
const healAt = Effect.fnUntraced(function* (ask: Ask, at: RunningOrchestrator, dryRun = false) {
  let healed = 0
  while (true) {
    const { status, body } = yield* ask(at, "/internal/audit/heal", { reason, dryRun })
    assert.strictEqual(status, 200)
    const response = Schema.decodeSync(HealResponse)(body)
    healed = Math.max(healed, response.healed)
    if (response.finished) return { ...response, healed }
  }
})

describe("the audit for the console", () => {
  it.live("shows its findings, and heals once when two operators ask two orchestrators", () =>
    Effect.gen(function* () {
      const { system, orchestrator: one, missing, leftover, user } = yield* startKept
      // The second orchestrator does not audit by itself.
      const two = yield* system.orchestrate({ AUDIT_EVERY: "1 hour", CLAIM_AFTER: "15 seconds" })
      const [ada, grace] = [yield* asConsole(system, "ada"), yield* asConsole(system, "grace")]
      yield* until(
        "everything was audited",
        Effect.map(stateAt(ada, one), (now) => now.verdict === "sound"),
      )
      const sound = yield* stateAt(ada, one)
      assert.deepInclude(sound, { found: none, findings: [], unreached: [] })
      assert.isAbove(sound.resources, 0)
      assert.isNotNull(sound.lookedAt)
      const balances = yield* system.left(user)
      yield* putBack(system, "billing")
      yield* until(
        "the findings are shown",
        Effect.map(stateAt(ada, one), ({ found }) => found.missing === missing.length),
      )
      for (const at of [one, two]) {
        const state = yield* stateAt(ada, at)
        assert.strictEqual(state.verdict, "findings")
        assert.deepStrictEqual(state.found, { ...none, missing: missing.length, leftover: 1 })
        const found = state.findings.find(({ orderId }) => orderId === leftover)
        assert.deepInclude(found, { kind: "leftover", participant: "billing", healable: true })
        assert.strictEqual(state.findings.filter(({ healable }) => healable).length, 1)
      }
      const dry = yield* healAt(ada, two, true)
      assert.deepInclude(dry, { healable: 1, healed: 0, unreached: [] })
      assert.deepStrictEqual(dry.findings.map(({ orderId }) => orderId), [leftover])
      const held = yield* system.left(user)
      yield* Effect.all([healAt(ada, one), healAt(grace, two), healAt(grace, one)], {
        concurrency: "unbounded",
      })
      // The failed order has its 7 back, once.
      const [wallet, ...others] = yield* system.left(user)
      assert.strictEqual(wallet, held[0] + 700)
      assert.strictEqual(wallet, balances[0] + 50 * missing.length)
      assert.deepStrictEqual(others, balances.slice(1))
      const again = yield* healAt(grace, two)
      assert.deepInclude(again, { healable: 0, healed: 0, unreached: [] })
      for (const at of [one, two]) {
        assert.deepStrictEqual(
          (yield* stateAt(ada, at)).found,
          { ...none, missing: missing.length },
        )
      }
      assert.isTrue(two.logs.some((line) => line.includes("An operator did: heal")))
    }))

  it.live("names services that do not answer, and heals nothing until all answer", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const one = yield* system.orchestrate({ AUDIT_EVERY: "20 millis" })
      const ask = yield* asConsole(system)
      assert.strictEqual((yield* ask(one, "/internal/audit/heal", { reason: "" })).status, 400)
      const orphan = crypto.randomUUID()
      yield* Effect.promise(() =>
        system.sql.slots.unsafe(
          `insert into reservations (order_id, outcome, resource, quantity, recorded_at)
           values ('${orphan}', 'reserved', '09:00', 1, now() - interval '1 day');
           update slots set capacity = capacity - 1 where time = '09:00'`,
        )
      )
      yield* until(
        "the orphan is found",
        Effect.map(stateAt(ask, one), ({ found }) => found.orphan === 1),
      )
      system.conduct.items = isDown
      yield* until(
        "items is named",
        Effect.map(stateAt(ask, one), ({ unreached }) => unreached.length > 0),
      )
      const { verdict, unreached } = yield* stateAt(ask, one)
      // The verdict is that of the last audit.
      assert.strictEqual(verdict, "findings")
      assert.deepStrictEqual(unreached.map(({ service }) => service), ["items"])
      assert.include(unreached[0]!.message, "items cannot be reached")
      const nothing = yield* healAt(ask, one)
      assert.strictEqual(nothing.healed, 0)
      assert.include(nothing.unreached.map(({ service }) => service), "items")
      const capacity = Effect.map(
        Effect.promise(() => system.sql.slots`select capacity from slots where time = '09:00'`),
        ([row]) => Number(row!.capacity),
      )
      assert.strictEqual(yield* capacity, 99)
      system.conduct.items = works
      // Slots answers reads, but no cancels.
      system.conduct.slots = (answer, request) =>
        (request.method === "POST" ? isDown : works)(answer, request)
      const half = yield* healAt(ask, one)
      assert.deepInclude(half, { healable: 1, healed: 0 })
      assert.deepStrictEqual(half.unreached.map(({ service }) => service), ["slots"])
      assert.strictEqual(yield* capacity, 99)
      system.conduct.slots = works
      assert.strictEqual((yield* healAt(ask, one)).healed, 1)
      assert.strictEqual(yield* capacity, 100)
      yield* until(
        "the audit is sound again",
        Effect.map(
          stateAt(ask, one),
          (now) => now.verdict === "sound" && now.unreached.length === 0,
        ),
      )
    }))
})
