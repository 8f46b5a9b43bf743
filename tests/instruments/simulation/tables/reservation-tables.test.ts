/**
 * The simulated tables of a participant against the real ones: the same work of the real
 * Reservations has the same answers and leaves the same rows, one after another and interleaved.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Cause, Context, Duration, Effect, Exit, Layer, Scope } from "effect"
import fc from "fast-check"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { Store } from "#shared/postgres/store.ts"
import {
  ReservationStore,
  type ReservationTables,
} from "#shared/reservations/reservation-tables.ts"
import { Reservations, reservationsLayer } from "#shared/reservations/reservations.ts"
import { cancel, order, reserve } from "#tests/shared/reservations/participant.ts"
import { interleave } from "./interleaving.ts"
import { type MakeReservations, reservationsInPostgres, simulatedReservations } from "./worlds.ts"

const scope = Scope.makeUnsafe()
let sqlReservations: MakeReservations
beforeAll(async () => {
  sqlReservations = await Effect.runPromise(Scope.provide(reservationsInPostgres, scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

type Batch = ReadonlyArray<Command>

const apply = (batch: Batch) => (store: Store<ReservationTables>) =>
  Layer.build(
    reservationsLayer(Duration.days(30)).pipe(
      Layer.provide(Layer.succeed(ReservationStore, store)),
    ),
  ).pipe(
    Effect.flatMap((context) => Context.get(context, Reservations).apply(batch)),
    Effect.scoped,
  )

// Few orders, few resources and little of each, so that most commands meet an earlier one.
const names = ["1", 'b"\\,{} ü', "NULL"]
const anyBatch: fc.Arbitrary<Batch> = fc.array(
  fc.record({
    orderId: fc.integer({ min: 1, max: 5 }).map(order),
    action: fc.constantFrom("reserve", "cancel"),
    resource: fc.constantFrom(...names, "unknown"),
    quantity: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 6 },
)
const anyBalances = fc.record(
  Object.fromEntries(names.map((name) => [name, fc.integer({ min: 0, max: 5 })])),
)
const anyTurns = fc.array(fc.nat(1), { minLength: 1, maxLength: 16 })

const assertSame = (simulated: unknown, real: unknown) => assert.deepStrictEqual(simulated, real)

/** The answers of batches, one after another, and then of two interleaved batches. */
const history = (
  make: MakeReservations,
  { balances, before, two, turns }: {
    readonly balances: Readonly<Record<string, number>>
    readonly before: ReadonlyArray<Batch>
    readonly two: readonly [Batch, Batch]
    readonly turns: ReadonlyArray<number>
  },
) =>
  Effect.gen(function* () {
    const world = yield* make(balances)
    const outcomes: Array<ReadonlyArray<Outcome>> = []
    for (const batch of before) outcomes.push(yield* apply(batch)(world.stores[0]))
    const rowsBefore = yield* world.rows
    const interleaved = yield* interleave(world, [apply(two[0]), apply(two[1])], turns)
    return { outcomes, rowsBefore, interleaved, rows: yield* world.rows }
  })

describe("the simulated tables of a participant", () => {
  it.live(
    "have the same answers and rows as the real ones, for any sequence of batches",
    () =>
      Effect.gen(function* () {
        const check = (balances: Record<string, number>, batches: ReadonlyArray<Batch>) =>
          Effect.gen(function* () {
            const worlds = [
              yield* simulatedReservations(balances),
              yield* sqlReservations(balances),
            ]
            for (const batch of batches) {
              const [simulated, real] = yield* Effect.forEach(
                worlds,
                ({ stores }) => apply(batch)(stores[0]),
              )
              assertSame(simulated, real)
            }
            const [simulated, real] = yield* Effect.forEach(worlds, ({ rows }) => rows)
            assertSame(simulated, real)
          })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(
              anyBalances,
              fc.array(anyBatch, { minLength: 1, maxLength: 6 }),
              (balances, batches) => Effect.runPromise(check(balances, batches)),
            ),
            { numRuns: 150 },
          )
        )
      }),
  )

  it.live(
    "have them also for two batches, interleaved at every statement",
    () =>
      Effect.gen(function* () {
        const any = fc.record({
          balances: anyBalances,
          before: fc.array(anyBatch, { maxLength: 1 }),
          two: fc.tuple(anyBatch, anyBatch),
          turns: anyTurns,
        })
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(any, async (plan) => {
              const [simulated, real] = await Effect.runPromise(
                Effect.all([history(simulatedReservations, plan), history(sqlReservations, plan)]),
              )
              assertSame(simulated, real)
            }),
            { numRuns: 100 },
          )
        )
      }),
  )
})

describe("the constraints of a participant", () => {
  const record = { orderId: order(1), outcome: "reserved", resource: "1", quantity: 1 } as const
  const breaches: Readonly<Record<string, (t: ReservationTables) => Effect.Effect<unknown>>> = {
    "a negative balance": (t) => t.changeBalances(new Map([["2", -1], ["1", -6]])),
    "a balance that is too large for a number": (t) =>
      t.changeBalances(new Map([["1", Number.MAX_SAFE_INTEGER]])),
    "a quantity of zero": (t) => t.insertRecords([{ ...record, quantity: 0 }]),
    "an unknown outcome": (t) => t.insertRecords([{ ...record, outcome: "lost" as "reserved" }]),
  }
  for (const [name, breach] of Object.entries(breaches)) {
    it.live(`do not let ${name} in, and undo the transaction`, () =>
      Effect.gen(function* () {
        const codes: Array<unknown> = []
        for (const make of [simulatedReservations, sqlReservations]) {
          const world = yield* make({ "1": 5, "2": 5 })
          const before = yield* world.rows
          const exit = yield* Effect.exit(
            world.stores[0].transaction((t) =>
              Effect.andThen(t.insertRecords([{ ...record, orderId: order(2) }]), breach(t))
            ),
          )
          const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty
          codes.push(cause.reasons.map((one) => Cause.isDieReason(one) && codeOf(one.defect)))
          assertSame(yield* world.rows, before)
        }
        assert.deepStrictEqual(codes, [["23514"], ["23514"]])
      }))
  }
})

const codeOf = (error: unknown) => (error as { readonly code?: unknown }).code

describe("two transactions of a participant", () => {
  const balances = { "1": 5, "2": 5 }
  const before = [[reserve(9, "1", 2), reserve(8, "1", 1), cancel(8, "1", 1)]]
  const cases = {
    "that insert one new order": [[reserve(1, "1", 2)], [reserve(1, "1", 3)]],
    "that insert one new order whose resource is unknown": [
      [reserve(1, "unknown")],
      [reserve(1, "unknown"), reserve(2, "2")],
    ],
    "of which one reserves and one cancels a new order": [[reserve(1, "1")], [cancel(1, "1")]],
    "of which both cancel a reserved order": [[cancel(9, "1")], [cancel(9, "1"), reserve(9, "1")]],
    "of which one repeats a cancel with another resource": [[cancel(8, "2")], [reserve(1, "1")]],
    "that take from one resource": [[reserve(1, "1", 3)], [reserve(2, "1", 3)]],
    "that take from two resources in opposite orders": [
      [reserve(1, "1", 3), reserve(2, "2", 3)],
      [reserve(3, "2", 3), reserve(4, "1", 3)],
    ],
  } satisfies Record<string, readonly [Batch, Batch]>
  for (const [name, two] of Object.entries(cases)) {
    it.live(`${name} end as the real ones, however they are interleaved`, () =>
      Effect.gen(function* () {
        // All choices of who goes first at the first four steps.
        let waits = 0
        for (let way = 0; way < 16; way++) {
          const turns = Array.from({ length: 4 }, (_, bit) => (way >> bit) & 1)
          const plan = { balances, before, two, turns }
          const simulated = yield* history(simulatedReservations, plan)
          assertSame(simulated, yield* history(sqlReservations, plan))
          waits += simulated.interleaved.history.filter((turn) => turn.endsWith("waits")).length
        }
        // A cancelled record holds nothing.
        assert.strictEqual(waits > 0, !name.startsWith("of which one repeats a cancel"))
      }))
  }
})
