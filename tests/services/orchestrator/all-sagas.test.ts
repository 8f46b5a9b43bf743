/** The sagas of several orchestrators, as each of these shows and retries all of them. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { AllSagas } from "#services/orchestrator/all-sagas.ts"
import { RunningSagas } from "#services/orchestrator/running-sagas.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { type SagaPage, StuckGroups } from "#shared/contracts/saga.ts"
import { Replicas } from "#shared/queue/replicas.ts"
import { type OrderRun, orderRun } from "#shared/saga/order-run.ts"
import { waitFor } from "#shared/saga/wait.ts"
import { steadyMsOf } from "#shared/steady-time.ts"
import { anOrder } from "#tests/shared/queue/subjects.ts"

type Handler = (question: unknown) => Effect.Effect<unknown>

/** The value as it arrives over the wire. */
const wired = <A>(value: A): A => JSON.parse(JSON.stringify(value))

/** Replicas in one process. The silent ones live, but do not answer. */
const replicasOf = (names: ReadonlyArray<string>, silent: ReadonlySet<string>) => {
  const handlers = new Map<string, Handler>()
  return (self: string) =>
    Replicas.of({
      self,
      answer: (_, handle) => Effect.sync(() => void handlers.set(self, handle)),
      ask: (_, question, whom = names.filter((name) => name !== self)) =>
        Effect.map(
          Effect.forEach(whom.filter((name) => !silent.has(name)), (name) =>
            Effect.map(
              handlers.get(name)!(wired(question)),
              (answer) => [name, wired(answer)] as const,
            )),
          (answers) => ({ answers, unheard: whom.filter((name) => silent.has(name)) }),
        ),
    })
}

const idOf = (n: number) => OrderId.make(`0193a0a0-0000-7000-8000-${String(n).padStart(12, "0")}`)

/**
 * Orchestrators with these orders, which all wait for their next attempt, and the orders that went
 * on so far.
 */
const orchestrators = Effect.fnUntraced(function* (
  orders: Readonly<Record<string, ReadonlyArray<number>>>,
  ...silent: ReadonlyArray<string>
) {
  const names = Object.keys(orders)
  const replicaOf = replicasOf(names, new Set(silent))
  const wentOn: Array<number> = []
  const clock = yield* Clock.Clock
  const now = { steadyMs: steadyMsOf(clock), ordersMs: 0, toldAtMs: 0 }
  const all = yield* Effect.forEach(names, (name) =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        AllSagas.layer.pipe(
          Layer.provideMerge(RunningSagas.layer),
          Layer.provide(Layer.succeed(Replicas, replicaOf(name))),
        ),
      )
      const { inFlight } = Context.get(context, RunningSagas)
      const runs = orders[name]!.map((n): OrderRun => {
        const message = { ...anOrder(), orderId: idOf(n) }
        const run = orderRun({ entryId: `${n}`, message, redelivered: false }, now)
        run.request = { action: "reserve", step: n % 2 === 0 ? "item" : "slot" }
        run.attempts = 1
        run.failure = "it answered 503"
        inFlight.set(message.orderId, run)
        return run
      })
      const goOn = (woken: ReadonlyArray<OrderRun>) =>
        Effect.sync(() => {
          for (const { delivery } of woken) wentOn.push(Number(delivery.entryId))
        })
      const waiting = waitFor(runs, Duration.seconds(10), () => Effect.void, goOn).pipe(
        Effect.flatMap((ended) => goOn(ended.waiting)),
      )
      yield* Effect.forkScoped(waiting)
      return [name, Context.get(context, AllSagas)] as const
    }))
  yield* Effect.yieldNow
  return { at: Object.fromEntries(all), wentOn }
})

const three = { a: [2, 5, 8], b: [1, 4, 7], c: [3, 6, 9] }

describe("the sagas of all orchestrators", () => {
  it.effect("are retried oldest first, up to a cap, wherever they are", () =>
    Effect.gen(function* () {
      const { at, wentOn } = yield* orchestrators(three)
      const how = { cap: 4, dryRun: false }
      assert.deepStrictEqual(yield* at["a"]!.retry({}, how), {
        waiting: 9,
        trying: 0,
        woken: 4,
        unheard: [],
      })
      yield* TestClock.adjust(0)
      assert.sameMembers(wentOn, [1, 2, 3, 4])
      assert.deepInclude(yield* at["c"]!.retry({ step: "item" }, how), { waiting: 2, woken: 2 })
      yield* TestClock.adjust(0)
      assert.sameMembers(wentOn, [1, 2, 3, 4, 6, 8])
      assert.deepInclude(yield* at["b"]!.retry({ orderId: idOf(9) }, how), { woken: 1 })
      yield* TestClock.adjust("10 seconds")
      // Each goes on once: when it is woken, or after its wait.
      assert.sameMembers(wentOn, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    }))

  it.effect("are counted by a dry run, which wakes none", () =>
    Effect.gen(function* () {
      const { at, wentOn } = yield* orchestrators(three)
      assert.deepStrictEqual(
        yield* at["b"]!.retry({ step: "item" }, { cap: 1, dryRun: true }),
        { waiting: 4, trying: 0, woken: 0, unheard: [] },
      )
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(wentOn, [])
    }))

  it.effect("go on once when two operators retry them at the same time", () =>
    Effect.gen(function* () {
      const { at, wentOn } = yield* orchestrators(three)
      const how = { cap: 1_000, dryRun: false }
      const both = yield* Effect.all(
        [at["a"]!.retry({}, how), at["b"]!.retry({}, how)],
        { concurrency: "unbounded" },
      )
      assert.strictEqual(both.reduce((sum, { woken }) => sum + woken, 0), 9)
      yield* TestClock.adjust("1 minute")
      assert.sameMembers(wentOn, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    }))

  it.effect("are shown where an orchestrator answers, and the silent ones are named", () =>
    Effect.gen(function* () {
      const { at, wentOn } = yield* orchestrators(three, "b")
      const a = at["a"]!
      const unheard = ["b"]
      assert.deepStrictEqual(yield* a.find(idOf(4)), { saga: null, unheard })
      const found = yield* a.find(idOf(3))
      assert.deepInclude(found.saga, { orchestrator: "c", step: "slot", attempts: 1 })
      const page = yield* a.page({}, { limit: 100 })
      assert.deepStrictEqual(page.unheard, unheard)
      assert.deepStrictEqual(page.sagas.map(({ orderId }) => orderId), [2, 3, 5, 6, 8, 9].map(idOf))
      const groups = yield* a.groups
      assert.isTrue(Schema.is(StuckGroups)(groups))
      assert.deepInclude(groups, { count: 2, unheard })
      assert.deepStrictEqual(
        groups.groups.map(({ step, count, oldest }) => [step, count, oldest]),
        [["item", 3, idOf(2)], ["slot", 3, idOf(3)]],
      )
      const retried = yield* a.retry({}, { cap: 1_000, dryRun: false })
      assert.deepStrictEqual(retried, { waiting: 6, trying: 0, woken: 6, unheard })
      yield* TestClock.adjust(0)
      assert.sameMembers(wentOn, [2, 3, 5, 6, 8, 9])
    }))

  it.effect("are shown page by page, each once, oldest first", () =>
    Effect.gen(function* () {
      const { at } = yield* orchestrators(three)
      const seen: Array<string> = []
      let after: OrderId | undefined
      do {
        const page: typeof SagaPage.Type = yield* at["c"]!.page({}, { after, limit: 2 })
        assert.isAtMost(page.sagas.length, 2)
        seen.push(...page.sagas.map(({ orderId }) => orderId))
        after = page.next ?? undefined
      } while (after !== undefined)
      assert.deepStrictEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9].map(idOf))
    }))
})
