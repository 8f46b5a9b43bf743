/** The orchestrator's routes for the console, at whichever of two orchestrators. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { DeadLetterView } from "#shared/contracts/queue.ts"
import type { RunningSaga, StuckGroup } from "#shared/contracts/saga.ts"
import { until } from "#tests/services/orders/until.ts"
import { asConsole } from "./as-console.ts"
import { isDown, redisOf, type RunningOrchestrator, startSystem, works } from "./running-system.ts"

describe("an orchestrator, called by the console,", () => {
  it.live("shows an order's saga, whichever orchestrator runs it, and retries it", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const one = yield* system.orchestrate({ CLAIM_AFTER: "15 seconds" })
      const two = yield* system.orchestrate({ CLAIM_AFTER: "15 seconds" })
      const [ask, grace] = [yield* asConsole(system, "ada"), yield* asConsole(system, "grace")]
      // Misconfigured, so that the wait is ten seconds.
      system.conduct.items = () => Promise.resolve(Response.json({}, { status: 404 }))
      const user = yield* system.customer
      const { id } = yield* system.order(user)
      const look = (at: RunningOrchestrator) =>
        Effect.map(ask(at, `/internal/sagas/${id}`), ({ body }) => body.saga as RunningSaga | null)
      for (const at of [one, two]) {
        yield* until(
          "the saga's wait is shown",
          Effect.map(look(at), (saga) => saga?.nextAttemptAt != null),
        )
        const saga = (yield* look(at))!
        assert.deepInclude(saga, { action: "reserve", step: "item", holds: ["money"] })
        assert.isAtLeast(saga.attempts, 1)
        assert.include(saga.cause, "404")
        assert.strictEqual(saga.timeline[0]?.step, "money")
      }
      const groups = (yield* ask(two, "/internal/stuck")).body.groups as ReadonlyArray<StuckGroup>
      assert.strictEqual(groups.length, 1)
      assert.deepInclude(groups[0], { action: "reserve", step: "item", count: 1, oldest: id })
      const page = yield* ask(one, "/internal/sagas?step=item&limit=1")
      assert.deepInclude(page.body, { next: null, unheard: [] })
      assert.strictEqual(page.body.sagas[0].orderId, id)
      const reason = "items is repaired"
      const wrong = yield* ask(one, "/internal/sagas/retry", { orderId: id, reason: "" })
      assert.strictEqual(wrong.status, 400)
      const dry = yield* ask(one, "/internal/sagas/retry", { step: "item", dryRun: true, reason })
      assert.deepInclude(dry.body, { woken: 0, unheard: [] })
      assert.strictEqual(dry.body.waiting + dry.body.trying, 1)
      const others = yield* ask(one, "/internal/sagas/retry", { step: "slot", reason })
      assert.deepStrictEqual(others.body, { waiting: 0, trying: 0, woken: 0, unheard: [] })
      system.conduct.items = works
      // Two operators at once: the saga is woken once at most, and not while it is being tried.
      const both = yield* Effect.all([
        ask(one, "/internal/sagas/retry", { orderId: id, reason }),
        grace(two, "/internal/sagas/retry", { orderId: id, reason }),
      ], { concurrency: "unbounded" })
      assert.isAtMost(both.reduce((sum, { body }) => sum + body.woken, 0), 1)
      assert.strictEqual((yield* system.final(user, id)).status, "completed")
      // The register records the end a moment before the saga ends.
      for (const at of [one, two]) {
        yield* until("the saga is in flight nowhere", Effect.map(look(at), (saga) => saga === null))
      }
    }))

  it.live("shows the order queue and its dead letters, and redrives or discards these", () =>
    Effect.gen(function* () {
      const system = yield* startSystem({ REPUBLISH_AFTER: "1 hour" })
      const one = yield* system.orchestrate()
      const ask = yield* asConsole(system)
      system.conduct.items = () => Promise.resolve(Response.json({}, { status: 400 }))
      const user = yield* system.customer
      const { id } = yield* system.order(user)
      const letters = Effect.map(
        ask(one, "/internal/dead-letters"),
        ({ body }) => body.letters as ReadonlyArray<DeadLetterView>,
      )
      yield* until("the order is a dead letter", Effect.map(letters, ({ length }) => length === 1))
      const [letter] = yield* letters
      assert.deepInclude(letter, { orderId: id, count: 1, unreadable: null })
      const { add } = yield* redisOf(system)
      yield* add(["hello", "world"])
      yield* until(
        "the unreadable entry is a dead letter too",
        Effect.map(letters, ({ length }) => length === 2),
      )
      const unreadable = (yield* letters)[1]!.id
      assert.deepInclude((yield* ask(one, "/internal/queue")).body, { length: 0, deadLetters: 2 })
      system.conduct.items = works
      const body = { letters: [letter!.id, unreadable], reason: "items is repaired" }
      const redriven = yield* ask(one, "/internal/dead-letters/redrive", body)
      assert.deepStrictEqual(redriven.body.letters, [
        { letter: letter!.id, outcome: "redriven" },
        { letter: unreadable, outcome: "unreadable", cause: 'there is no field "message"' },
      ])
      assert.strictEqual((yield* system.final(user, id)).status, "completed")
      const discarded = yield* ask(one, "/internal/dead-letters/discard", body)
      assert.deepStrictEqual(discarded.body.letters, [
        { letter: letter!.id, outcome: "absent" },
        { letter: unreadable, outcome: "discarded" },
      ])
      assert.deepStrictEqual(yield* letters, [])
      assert.isTrue(one.logs.some((line) => line.includes("An operator did: redrive")))
      system.conduct.items = isDown
    }))

  it.live("shows what it knows itself while the queue is unavailable, and names the rest", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const alone = yield* system.orchestrate({ QUEUE_URL: "redis://127.0.0.1:1" })
      const ask = yield* asConsole(system)
      for (const path of ["/internal/queue", "/internal/dead-letters"]) {
        assert.strictEqual((yield* ask(alone, path)).status, 503)
      }
      const reason = "items is repaired"
      const redrive = { letters: ["1-1"], reason }
      assert.strictEqual((yield* ask(alone, "/internal/dead-letters/redrive", redrive)).status, 503)
      const retry = yield* ask(alone, "/internal/sagas/retry", { reason })
      assert.deepInclude(retry.body, { waiting: 0, trying: 0, woken: 0 })
      assert.match(retry.body.unheard.join(), /^all others: /)
      const { status, body } = yield* ask(alone, "/internal/sagas")
      assert.deepStrictEqual([status, body.sagas, body.next], [200, [], null])
      assert.deepInclude((yield* ask(alone, "/internal/audit")).body, { verdict: "unknown" })
    }))

  it.live("refuses an invalid request, and says what is wrong with it", () =>
    Effect.gen(function* () {
      const system = yield* startSystem()
      const one = yield* system.orchestrate()
      const ask = yield* asConsole(system)
      const wrong = [
        ["/internal/sagas?limit=0"],
        ["/internal/sagas?limit=501"],
        ["/internal/sagas?step=gift"],
        ["/internal/sagas/not-an-id"],
        ["/internal/dead-letters?after=yesterday"],
        ["/internal/sagas/retry", { reason: "r", cap: 0 }],
        ["/internal/sagas/retry", { reason: "r", colour: "red" }],
        ["/internal/sagas/retry", { reason: "two\nlines" }],
        ["/internal/dead-letters/redrive", { reason: "r", letters: [] }],
        ["/internal/dead-letters/discard", { reason: "r", letters: ["x"] }],
        ["/internal/audit/heal", { dryRun: true }],
        ["/internal/audit/heal", { reason: "r", dryRun: "yes" }],
      ] as const
      for (const [path, body] of wrong) {
        const answer = yield* ask(one, path, body)
        assert.strictEqual(answer.status, 400, path)
        assert.isNotEmpty(answer.body.detail, path)
      }
    }))
})
