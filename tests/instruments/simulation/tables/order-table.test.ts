/**
 * The simulated orders table against the real one: the same work of intake, register and sweeper
 * has the same answers and leaves the same rows, one after another and interleaved.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import fc from "fast-check"
import type { Decision } from "#shared/contracts/decision.ts"
import { interleave } from "./interleaving.ts"
import {
  anyDecide,
  anyInsert,
  anyInsertSlowly,
  anyLook,
  anySweep,
  anyTakeDueSlowly,
  type Given,
  id,
  perform,
  stuck,
  type Work,
} from "./order-works.ts"
import { type MakeOrders, ordersInPostgres, simulatedOrders } from "./worlds.ts"

const scope = Scope.makeUnsafe()
let sqlOrders: MakeOrders
beforeAll(async () => {
  sqlOrders = await Effect.runPromise(Scope.provide(ordersInPostgres, scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const assertSame = (simulated: unknown, real: unknown) => assert.deepStrictEqual(simulated, real)

const given = (n: number, key?: string): Given => ({
  n,
  username: "ann",
  key,
  amountMinor: 100,
  ms: n,
})

/** The answers of pieces of work, one after another. */
const history = (make: MakeOrders, before: ReadonlyArray<Work>) =>
  Effect.gen(function* () {
    const world = yield* make
    const answers: Array<unknown> = []
    for (const work of before) answers.push(yield* perform(work)(world.stores[0]))
    return { world, answers, rows: yield* world.rows }
  })

/** The same, and then the answers of two interleaved pieces. */
const interleaved = (
  make: MakeOrders,
  { before, two, turns }: {
    readonly before: ReadonlyArray<Work>
    readonly two: readonly [Work, Work]
    readonly turns: ReadonlyArray<number>
  },
) =>
  Effect.gen(function* () {
    const { world, ...earlier } = yield* history(make, before)
    const { exits, history: turned } = yield* interleave(
      world,
      [perform(two[0]), perform(two[1])],
      turns,
    )
    return { earlier, exits, turned, rows: yield* world.rows }
  })

describe("the simulated orders table", () => {
  it.live(
    "has the same answers and rows as the real one, for any sequence of work",
    () =>
      Effect.gen(function* () {
        const any = fc.array(
          fc.oneof(
            { weight: 3, arbitrary: anyInsert },
            { weight: 3, arbitrary: anyDecide },
            { weight: 2, arbitrary: anySweep },
            { weight: 2, arbitrary: anyLook },
            { weight: 1, arbitrary: fc.constant<Work>(["makeAllDue"]) },
          ),
          { minLength: 1, maxLength: 14, size: "max" },
        )
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(any, async (all) => {
              const [simulated, real] = await Effect.runPromise(
                Effect.all([history(simulatedOrders, all), history(sqlOrders, all)]),
              )
              assertSame(simulated.answers, real.answers)
              assertSame(simulated.rows, real.rows)
            }),
            { numRuns: 150 },
          )
        )
      }),
  )

  it.live(
    "has them also for two pieces of work, interleaved at every statement",
    () =>
      Effect.gen(function* () {
        const one = (from: number) => fc.oneof(anyInsertSlowly(from), anyDecide, anyTakeDueSlowly)
        const any = fc.record({
          before: fc.array(fc.oneof(anyInsert, anyDecide), { maxLength: 5 }),
          two: fc.tuple(one(100), one(200)),
          turns: fc.array(fc.nat(1), { minLength: 1, maxLength: 12 }),
        })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(any, async (plan) => {
              const [simulated, real] = await Effect.runPromise(
                Effect.all([interleaved(simulatedOrders, plan), interleaved(sqlOrders, plan)]),
              )
              assertSame(simulated, real)
            }),
            { numRuns: 100 },
          )
        )
      }),
  )

  it.live("postpones an order longer each time, up to ten minutes", () =>
    Effect.gen(function* () {
      const sweeps = Array.from({ length: 9 }, (_, n) => ["sweep", 1_000_000 * n] as const)
      const plan: ReadonlyArray<Work> = [["insert", [given(1)]], ...sweeps]
      for (let done = 1; done <= plan.length; done++) {
        const simulated = yield* history(simulatedOrders, plan.slice(0, done))
        assertSame(simulated.rows, (yield* history(sqlOrders, plan.slice(0, done))).rows)
      }
    }))

  it.live("takes the orders that have been due for longest, up to a limit", () =>
    Effect.gen(function* () {
      const some = [5, 1, 4, 2, 3].map((n) => given(n))
      for (const limit of [0, 1, 3, 9]) {
        const plan = [["insert", some], ["takeDue", limit, 15_004]] as const
        const simulated = yield* history(simulatedOrders, plan)
        const real = yield* history(sqlOrders, plan)
        assertSame(simulated.answers, real.answers)
      }
    }))
})

describe("two transactions of orders", () => {
  const before: ReadonlyArray<Work> = [["insert", [given(1), given(2), given(3)]]]
  const decision = (n: number, decision: Decision["decision"]): Decision => ({
    orderId: id(n),
    decision,
    timeline: [],
  })
  const cases: Readonly<Record<string, readonly [Work, Work]>> = {
    "that abort one order for different reasons": [
      ["decide", [{ ...decision(1, "abort"), reason: "Not enough money" }], 1],
      ["decide", [{ ...decision(1, "abort"), reason: "Order timed out", stuck: stuck(1) }], 2],
    ],
    "that insert orders with the same idempotency key": [
      ["insertSlowly", [given(4, "k"), given(5)]],
      ["insertSlowly", [given(6, "k"), given(7, "l")]],
    ],
    "of which one inserts with an idempotency key, and the other fails to": [
      ["insertSlowly", [given(4, "k")]],
      ["insertSlowly", [given(5, "k"), given(1, "l")]],
    ],
    "that decide on one order": [
      ["decide", [decision(1, "complete")], 1],
      ["decide", [decision(1, "abort"), decision(1, "settle")], 2],
    ],
    "that decide on two orders in opposite orders": [
      ["decide", [decision(1, "complete"), decision(2, "complete")], 1],
      ["decide", [decision(2, "abort"), decision(1, "abort")], 2],
    ],
    "of which one sweeps while one decides": [
      ["takeDueSlowly", 9, 20_000],
      ["decide", [decision(1, "complete"), decision(2, "abort")], 1],
    ],
    "of which one sweeps while one settles an order that is not being undone": [
      ["takeDueSlowly", 9, 20_000],
      ["decide", [decision(1, "settle")], 1],
    ],
    "that sweep": [["takeDueSlowly", 9, 20_000], ["takeDueSlowly", 9, 20_001]],
    "of which one makes all due while one decides": [
      ["decide", [decision(1, "complete")], 1],
      ["makeAllDue"],
    ],
  }
  for (const [name, two] of Object.entries(cases)) {
    it.live(`${name} end as the real ones, however they are interleaved`, () =>
      Effect.gen(function* () {
        // All choices of who goes first at the first four steps.
        let waits = 0
        for (let way = 0; way < 16; way++) {
          const plan = {
            before,
            two,
            turns: Array.from({ length: 4 }, (_, bit) => (way >> bit) & 1),
          }
          const simulated = yield* interleaved(simulatedOrders, plan)
          assertSame(simulated, yield* interleaved(sqlOrders, plan))
          waits += simulated.turned.filter((turn) => turn.endsWith("waits")).length
        }
        // Sweepers skip locked rows.
        assert.strictEqual(waits > 0, name !== "that sweep")
      }))
  }

  it.live("that wait for each other in a circle end as the real ones: the one that closed it begins again", () =>
    Effect.gen(function* () {
      const two = [["abortEach", [1, 2]], ["abortEach", [2, 1]]] as const
      const plan = { before, two, turns: [0, 1, 0, 1, 0, 1] }
      const simulated = yield* interleaved(simulatedOrders, plan)
      assertSame(simulated, yield* interleaved(sqlOrders, plan))
      const locks = simulated.turned.filter((turn) => turn === "1 lockStatuses")
      assert.strictEqual(locks.length, 4)
    }))
})
