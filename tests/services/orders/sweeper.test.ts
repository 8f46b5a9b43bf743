/** The sweeper as it runs: round after round, whatever happens to the queue. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { dueIn, insert, unavailable, world } from "./sweeper-world.ts"
import { until } from "./until.ts"

describe("sweeperLayer", () => {
  it.effect("sweeps at the start and every second afterwards, batch by batch", () =>
    Effect.gen(function* () {
      const { sql, start, published } = yield* world
      yield* insert(sql, 1100)
      yield* start()
      yield* until("all are published at the start", () => published.length === 1100)
      yield* insert(sql, 1)
      yield* oneRound
      yield* until("the next order is published too", () => published.length === 1101)
    }))

  it.effect("goes on after the queue fails and after a defect", () =>
    Effect.gen(function* () {
      const { sql, start, record, published } = yield* world
      yield* insert(sql, 1)
      const failures: Array<Effect.Effect<never, QueueUnavailable>> = [
        Effect.die(new Error("a defect")),
        unavailable,
      ]
      let rounds = 0
      yield* start({
        publish: (messages) => {
          rounds++
          return failures.pop() ?? record(messages)
        },
      })
      for (let round = 1; round <= 3; round++) {
        yield* until(`round ${round}`, () => rounds === round)
        // Another order, as the first one is not due yet.
        if (round < 3) yield* insert(sql, 1)
        if (round < 3) yield* oneRound
      }
      yield* until("the last one is published", () => published.length === 1)
    }))

  it.effect("takes no orders while the queue is unavailable, and all due ones when it is back", () =>
    Effect.gen(function* () {
      const { sql, start, record, ids } = yield* world
      const [first] = yield* insert(sql, 1)
      let isAway = true
      let attempts = 0
      let pings = 0
      yield* start({
        publish: (messages) => {
          attempts++
          return isAway ? unavailable : record(messages)
        },
        ping: Effect.suspend(() => {
          pings++
          return isAway ? unavailable : Effect.void
        }),
      })
      yield* until("the sweeper has found the queue unavailable", () => pings === 1)
      const later = yield* insert(sql, 2)
      for (let round = 2; round < 5; round++) {
        yield* oneRound
        yield* until(`ping ${round}`, () => pings === round)
      }
      assert.strictEqual(attempts, 1)
      isAway = false
      yield* oneRound
      yield* until("the queue is back", () => pings === 5)
      yield* oneRound
      yield* until("the due orders are published", () => ids().length > 0)
      assert.sameMembers(ids(), later)
      assert.strictEqual((yield* dueIn(sql, first!)).republished, 1)
    }))

  it.effect("publishes all unfinished orders at the start when the queue is volatile", () =>
    Effect.gen(function* () {
      const { sql, start, ids } = yield* world
      const all = yield* insert(sql, 3, 600_000)
      yield* start({ volatile: true })
      yield* until("all are published", () => ids().length === 3)
      assert.deepStrictEqual(ids().toSorted(), all.toSorted())
    }))

  it.effect("waits until orders are due when the queue is durable", () =>
    Effect.gen(function* () {
      const { sql, start, ids } = yield* world
      yield* insert(sql, 3, 600_000)
      const [due] = yield* insert(sql, 1)
      yield* start()
      yield* until("the due orders are published", () => ids().length > 0)
      assert.deepStrictEqual(ids(), [due])
    }))
})

/** Lets the sweeper's second pass, once the sweeper waits for it. */
const oneRound = Effect.gen(function* () {
  yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
  yield* TestClock.adjust("1 second")
})
