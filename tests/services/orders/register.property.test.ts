/** The register against a model: decisions one by one, each a step of the transition table. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { transition } from "#services/orders/register.ts"
import type { Decision } from "#shared/contracts/decision.ts"
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import {
  abort,
  ask,
  complete,
  pendingOrders,
  registers,
  type Row,
  rowsOf,
  settle,
  tagsOf,
  tellStuck,
  useRegisters,
} from "./registers.ts"

useRegisters()

interface Model {
  readonly status: OrderStatus
  readonly tags: ReadonlyArray<number>
  readonly stuck: boolean
}

const after = (before: Model, decision: Decision): Model => {
  const status = transition(before.status, decision)
  if (status === undefined) return before
  return {
    status,
    tags: [...before.tags, ...tagsOf(decision)],
    stuck: decision.stuck !== undefined,
  }
}

const anyDecision = fc.record({
  order: fc.nat({ max: 2 }),
  make: fc.constantFrom(ask, complete, abort, tellStuck, settle),
})
const anyBatches = fc.array(fc.array(anyDecision, { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 4,
})
/** Checks a property of random batches on three pending orders. */
const property = (check: (ids: ReadonlyArray<OrderId>, batches: Batches) => Effect.Effect<void>) =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(anyBatches, (plan) =>
        Effect.gen(function* () {
          const ids = yield* pendingOrders(3)
          const batches = plan.map((batch) => batch.map(({ order, make }) => make(ids[order]!)))
          yield* check(ids, batches)
        }).pipe(Effect.runPromise)),
      { numRuns: 60 },
    )
  )
type Batches = ReadonlyArray<ReadonlyArray<Decision>>

const modelOf = ({ status, timeline, stuck }: Row): Model => ({
  status,
  tags: tagsOf({ timeline }),
  stuck: stuck !== null,
})
const pending: Model = { status: "pending", tags: [], stuck: false }

describe("the register", () => {
  it.live("answers and stores for any batches what the same decisions give one by one", () =>
    property((ids, batches) =>
      Effect.gen(function* () {
        const model = new Map<string, Model>(ids.map((id) => [id, pending]))
        for (const [n, batch] of batches.entries()) {
          const answers = yield* registers[n % registers.length]!.decide(batch)
          const expected = batch.map((decision) => {
            const next = after(model.get(decision.orderId)!, decision)
            model.set(decision.orderId, next)
            return { orderId: decision.orderId, status: next.status }
          })
          assert.deepStrictEqual(answers, expected)
        }
        const rows = yield* rowsOf(ids)
        for (const [id, expected] of model) {
          assert.deepStrictEqual(modelOf(rows.get(id)!), expected)
        }
      }).pipe(Effect.orDie)
    ))

  it.live("answers and stores for simultaneous batches what some sequence of them gives", () =>
    property((ids, batches) =>
      Effect.gen(function* () {
        const answers = yield* Effect.forEach(
          batches,
          (batch, n) => registers[n % registers.length]!.decide(batch),
          { concurrency: "unbounded" },
        )
        const rows = yield* rowsOf(ids)
        // A batch is one transaction, so one sequence of the batches must explain all results.
        const explained = permutations(batches.map((_, n) => n)).some((sequence) => {
          const model = new Map<string, Model>(ids.map((id) => [id, pending]))
          const isAnswered = sequence.every((n) =>
            batches[n]!.every((decision, at) => {
              const next = after(model.get(decision.orderId)!, decision)
              model.set(decision.orderId, next)
              return answers[n]![at]!.status === next.status
            })
          )
          return isAnswered &&
            ids.every((id) =>
              JSON.stringify(modelOf(rows.get(id)!)) === JSON.stringify(model.get(id))
            )
        })
        assert.isTrue(
          explained,
          "no sequence of the batches explains the answers and the stored orders",
        )
      }).pipe(Effect.orDie)
    ))
})

const permutations = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  all.length === 0
    ? [[]]
    : all.flatMap((one, at) => permutations(all.toSpliced(at, 1)).map((rest) => [one, ...rest]))
