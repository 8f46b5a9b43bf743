/**
 * Batches at the same time. Proved: no deadlock and no lost conflict reaches a caller, an order has
 * one answer, nothing is taken twice or from nowhere, and a transaction that lost leaves nothing
 * behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Command } from "#shared/contracts/reservation.ts"
import { waitingForLocks } from "#tests/support/waiting-for-locks.ts"
import { until } from "../postgres/open-database.ts"
import { cancel, order, type Participant, reserve, startParticipant } from "./participant.ts"

const atOnce = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.all(effects, { concurrency: "unbounded" })

const fiftyTimes = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  atOnce(Array.from({ length: 50 }, () => effect))

/** The amounts in stock and those reserved, by resource. */
const totals = ({ stocks, records }: Participant) =>
  Effect.map(Effect.all([stocks, records]), ([stocks, records]) => {
    const sums = new Map(Object.entries(stocks))
    for (const [, outcome, resource, quantity] of records) {
      if (outcome === "reserved") sums.set(resource, sums.get(resource)! + quantity)
    }
    return { sums: Object.fromEntries(sums), least: Math.min(...Object.values(stocks)) }
  })

const shuffled = <A>(items: ReadonlyArray<A>, seed: number): ReadonlyArray<A> =>
  items.map((item, n) => [(n * 7919 + seed * 104729) % 1009, item] as const)
    .toSorted(([a], [b]) => a - b).map(([, item]) => item)

describe("Reservations", () => {
  for (const replicas of [2, 8]) {
    it.live(
      `serves ${replicas} batches with the same orders and resources in different order`,
      () =>
        Effect.gen(function* () {
          const participant = yield* startParticipant()
          const full = { "1": 9, "2": 9, "3": 9, "4": 9 }
          yield* participant.stock(full)
          const answers = new Map<string, Set<string>>()
          for (let round = 0; round < 60; round++) {
            const ns = Array.from({ length: 6 }, (_, n) => 4 + round * 4 + n)
            const reserves = ns.map((n) => reserve(n, String(1 + n % 4)))
            // Each round cancels half of the previous round's orders, which are in this round's
            // batches too.
            const cancels = ns.filter((n) => n % 2 === 0).map((n) =>
              cancel(n - 4, String(1 + n % 4))
            )
            const batch = (seed: number) =>
              participant.apply(shuffled([...reserves, ...cancels], seed))
            const outcomes = yield* atOnce(
              Array.from({ length: replicas }, (_, n) => batch(round * replicas + n)),
            )
            for (const { orderId, outcome } of outcomes.flat()) {
              answers.set(orderId, (answers.get(orderId) ?? new Set()).add(outcome))
            }
          }
          const { sums, least } = yield* totals(participant)
          assert.deepStrictEqual(sums, full)
          assert.isAtLeast(least, 0)
          for (const [id, outcome] of yield* participant.records) {
            // An order is never both reserved and rejected; a cancel is answered cancelled.
            const seen = [...answers.get(id) ?? []].filter((answer) => answer !== "cancelled")
            assert.isAtMost(seen.length, 1, `${id} was answered ${seen}`)
            assert.isTrue(answers.get(id)?.has(outcome), `${id} is ${outcome} but nobody was told`)
          }
          assert.strictEqual(participant.counts.deadlocks, 0)
        }),
    )
  }

  it.live(
    "applies fifty parallel duplicates of a command once, with one answer",
    () =>
      Effect.gen(function* () {
        const participant = yield* startParticipant()
        yield* participant.stock({ "1": 100 })
        for (let n = 0; n < 5; n++) {
          const outcomes = yield* fiftyTimes(participant.apply([reserve(n, "1", 3)]))
          assert.deepStrictEqual(
            outcomes,
            Array(50).fill([{ orderId: order(n), outcome: "reserved" }]),
          )
        }
        assert.deepStrictEqual(yield* participant.stocks, { "1": 85 })
        for (let n = 0; n < 5; n++) {
          const outcomes = yield* fiftyTimes(participant.apply([cancel(n, "1", 3)]))
          assert.deepStrictEqual(
            outcomes,
            Array(50).fill([{ orderId: order(n), outcome: "cancelled" }]),
          )
        }
        assert.deepStrictEqual(yield* participant.stocks, { "1": 100 })
      }),
  )

  it.live(
    "gives an order one answer when its reserve and its cancel race",
    () =>
      Effect.gen(function* () {
        const participant = yield* startParticipant()
        yield* participant.stock({ "1": 1_000 })
        yield* Effect.forEach(Array(50).keys(), (n) =>
          Effect.gen(function* () {
            yield* atOnce([
              participant.apply([reserve(n, "1")]),
              participant.apply([cancel(n, "1")]),
              participant.apply([reserve(n, "1")]),
            ])
            const [answer] = yield* participant.apply([reserve(n, "1")])
            assert.strictEqual(answer?.outcome, "cancelled")
          }))
        assert.deepStrictEqual(yield* participant.stocks, { "1": 1_000 })
      }),
  )

  it.live("serves two batches that share new orders and no resource, in opposite orders", () =>
    Effect.gen(function* () {
      const { apply, stock, counts } = yield* startParticipant()
      yield* stock({ "1": 1 })
      for (let round = 0; round < 10; round++) {
        const batch = Array.from({ length: 200 }, (_, n) => reserve(round * 200 + n, "unknown"))
        const [one, other] = yield* atOnce([apply(batch), apply(batch.toReversed())])
        assert.deepStrictEqual(one, other?.toReversed())
      }
      assert.strictEqual(counts.deadlocks, 0)
    }))

  it.live("sells the last units to as many orders as there are units", () =>
    Effect.gen(function* () {
      const participant = yield* startParticipant()
      yield* participant.stock({ "1": 7 })
      const answers = yield* atOnce(
        Array.from({ length: 40 }, (_, n) => participant.apply([reserve(n, "1")])),
      )
      const reserved = answers.flat().filter(({ outcome }) => outcome === "reserved")
      assert.strictEqual(reserved.length, 7)
      assert.deepStrictEqual(yield* participant.stocks, { "1": 0 })
    }))

  it.live("starts again, with nothing left behind, when another transaction recorded first", () =>
    Effect.gen(function* () {
      const participant = yield* startParticipant()
      const { apply, sql, counts } = participant
      yield* participant.stock({ "1": 10, "2": 10 })
      const commands: ReadonlyArray<Command> = [reserve(1, "1", 2), reserve(2, "2", 3)]
      // The other transaction has recorded order 1 without committing: the batch cannot see it yet,
      // and then waits for it.
      const inserted = Promise.withResolvers<void>()
      const other = Promise.withResolvers<void>()
      const recorded = sql.begin(async (tx) => {
        await tx`insert into reservations (order_id, outcome, resource, quantity)
                 values (${order(1)}, 'rejected', '1', 2)`
        inserted.resolve()
        await other.promise
      })
      yield* Effect.promise(() => inserted.promise)
      const waiting = yield* Effect.forkChild(apply(commands))
      yield* until(
        "the batch to wait for the other transaction",
        async () => await waitingForLocks(sql, "%insert into reservations%") === 1,
      )
      assert.deepStrictEqual([counts.begun, counts.lost], [1, 0])
      other.resolve()
      yield* Effect.promise(() => recorded)
      const outcomes = yield* Fiber.join(waiting)
      assert.deepStrictEqual(outcomes.map(({ outcome }) => outcome), ["rejected", "reserved"])
      assert.deepStrictEqual([counts.begun, counts.lost], [2, 1])
      assert.deepStrictEqual(yield* participant.stocks, { "1": 10, "2": 7 })
      assert.deepStrictEqual(yield* participant.records, [
        [order(1), "rejected", "1", 2],
        [order(2), "reserved", "2", 3],
      ])
    }))

  it.live("goes on without an order whose other transaction was undone", () =>
    Effect.gen(function* () {
      const participant = yield* startParticipant()
      const { apply, sql, counts } = participant
      yield* participant.stock({ "1": 10 })
      const inserted = Promise.withResolvers<void>()
      const other = Promise.withResolvers<void>()
      const undone = sql.begin(async (tx) => {
        await tx`insert into reservations (order_id, outcome, resource, quantity)
                 values (${order(1)}, 'reserved', '1', 2)`
        inserted.resolve()
        await other.promise
      }).catch(() => {})
      yield* Effect.promise(() => inserted.promise)
      const waiting = yield* Effect.forkChild(apply([reserve(1, "1", 2)]))
      yield* until(
        "the batch to wait for the other transaction",
        async () => await waitingForLocks(sql, "%insert into reservations%") === 1,
      )
      other.reject(new Error("undo"))
      yield* Effect.promise(() => undone)
      assert.strictEqual((yield* Fiber.join(waiting))[0]?.outcome, "reserved")
      assert.strictEqual(counts.lost, 0)
      assert.deepStrictEqual(yield* participant.stocks, { "1": 8 })
    }))

  it.live("lets a mismatch and an unknown resource fail alone", () =>
    Effect.gen(function* () {
      const participant = yield* startParticipant()
      yield* participant.stock({ "1": 10 })
      yield* participant.apply([reserve(1, "1", 2)])
      const outcomes = yield* participant.apply([
        reserve(2, "1"),
        reserve(1, "1", 3),
        reserve(3, "nothing"),
        reserve(4, "1"),
      ])
      assert.deepStrictEqual(outcomes.map(({ outcome }) => outcome), [
        "reserved",
        "mismatch",
        "rejected",
        "reserved",
      ])
      assert.deepStrictEqual(yield* participant.stocks, { "1": 6 })
    }))
})
