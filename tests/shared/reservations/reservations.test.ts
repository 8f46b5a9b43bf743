/** The protocol over PostgreSQL does what its table says, for any commands in any batches. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { madeAtMs } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { applyCommands } from "#shared/reservations/rules.ts"
import { cancel, order, reserve, startParticipant } from "./participant.ts"
import { Oracle } from "./protocol.ts"

// New enough for every rule to apply.
const terms = { nowMs: madeAtMs(order(1)), retentionMs: 0 }

// Few orders, few resources and little of each, so that most commands meet an earlier one.
const resources = ["1", 'b"\\,{} ü', "NULL"] as const
const command: fc.Arbitrary<Command> = fc.record({
  orderId: fc.integer({ min: 1, max: 6 }).map(order),
  action: fc.constantFrom("reserve", "cancel"),
  resource: fc.constantFrom(...resources, "unknown"),
  quantity: fc.integer({ min: 1, max: 3 }),
})
const batches = fc.array(fc.array(command, { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 5,
})
const stocks = fc.record(
  Object.fromEntries(resources.map((resource) => [resource, fc.integer({ min: 0, max: 5 })])),
)

describe("applyCommands", () => {
  it("gives any batch the same results as its commands one after another", () => {
    fc.assert(
      fc.property(batches, stocks, (batches, stocks) => {
        const oracle = new Oracle(stocks)
        const known = new Map()
        const balances = new Map(Object.entries(stocks))
        for (const commands of batches) {
          const applied = applyCommands(commands, known, balances, terms)
          assert.deepStrictEqual(applied.outcomes, commands.map((one) => oracle.answer(one)))
          for (const one of [...applied.recorded, ...applied.givenBack]) known.set(one.orderId, one)
          for (const [resource, change] of applied.changes) {
            balances.set(resource, balances.get(resource)! + change)
          }
          assert.deepStrictEqual(balances, oracle.balances)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("Reservations", () => {
  it.live(
    "for any batches answers and writes the same as for their commands one by one",
    () =>
      Effect.gen(function* () {
        const participant = yield* startParticipant(2)
        const run = (
          batches: ReadonlyArray<ReadonlyArray<Command>>,
          stocks: Record<string, number>,
        ) =>
          Effect.gen(function* () {
            yield* participant.stock(stocks)
            const oracle = new Oracle(stocks)
            for (const commands of batches) {
              const outcomes = yield* participant.apply(commands)
              assert.deepStrictEqual(outcomes, commands.map((one) => oracle.answer(one)))
            }
            assert.deepStrictEqual(yield* participant.stocks, Object.fromEntries(oracle.balances))
            const expected = [...oracle.records].toSorted().map(([id, record]) =>
              [id, record.outcome, record.resource, record.quantity] as const
            )
            assert.deepStrictEqual(yield* participant.records, expected)
          })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(
              batches,
              stocks,
              (batches, stocks) => Effect.runPromise(run(batches, stocks)),
            ),
            { numRuns: 300, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: false },
          )
        )
      }),
  )

  it.live("applies a full batch with a fixed number of statements", () =>
    Effect.gen(function* () {
      const { apply, stock, stocks, sql, counts } = yield* startParticipant(1)
      yield* stock({ "1": 300 })
      const outcomes = yield* apply(Array.from({ length: 1000 }, (_, n) => reserve(n, "1")))
      assert.strictEqual(outcomes.filter(({ outcome }) => outcome === "reserved").length, 300)
      assert.deepStrictEqual(yield* stocks, { "1": 0 })
      assert.strictEqual(counts.statements, 4)
      yield* apply(Array.from({ length: 1000 }, (_, n) => cancel(999 - n, "1")))
      assert.strictEqual(counts.statements, 8)
      assert.deepStrictEqual(yield* stocks, { "1": 300 })
      const kinds = yield* Effect.promise(() =>
        sql`select outcome, count(*)::int from reservations group by outcome order by outcome`
      )
      assert.deepStrictEqual([...kinds], [
        { outcome: "cancelled", count: 300 },
        { outcome: "rejected", count: 700 },
      ])
    }))

  it.live("moves the largest amount exactly", () =>
    Effect.gen(function* () {
      const { apply, stock, stocks } = yield* startParticipant(1)
      const all = Number.MAX_SAFE_INTEGER
      yield* stock({ "1": all })
      yield* apply([reserve(1, "1", all - 1)])
      assert.deepStrictEqual(yield* stocks, { "1": 1 })
      yield* apply([cancel(1, "1", all - 1)])
      assert.deepStrictEqual(yield* stocks, { "1": all })
    }))

  it.live("treats no resource's name specially", () =>
    Effect.gen(function* () {
      const { apply, stock, stocks } = yield* startParticipant(1)
      const names = ["__proto__", "constructor", "10", "1", "", "null", "'; drop table items; --"]
      yield* stock(Object.fromEntries(names.map((name) => [name, 2])))
      const outcomes = yield* apply(names.map((name, n) => reserve(n, name)))
      assert.deepStrictEqual(outcomes.map(({ outcome }) => outcome), names.map(() => "reserved"))
      assert.deepStrictEqual(yield* stocks, Object.fromEntries(names.map((name) => [name, 1])))
    }))

  it.live("cancels a reservation of a resource that was removed, with the rest of the batch", () =>
    Effect.gen(function* () {
      const { apply, stock, stocks, sql } = yield* startParticipant(1)
      yield* stock({ "1": 5, "2": 5 })
      yield* apply([reserve(1, "1"), reserve(2, "2")])
      yield* Effect.promise(() => sql`delete from items where id = '1'`)
      const outcomes = yield* apply([cancel(1, "1"), cancel(2, "2"), reserve(3, "1")])
      assert.deepStrictEqual(outcomes.map(({ outcome }) => outcome), [
        "cancelled",
        "cancelled",
        "rejected",
      ])
      assert.deepStrictEqual(yield* stocks, { "2": 5 })
    }))
})
