/** What must not compile, checked by `tsc -p .`: at run time these tests only see that the types are imported. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { Effect } from "effect"
import { forward, retrying } from "#shared/saga/retry.ts"
import { runSaga, type SagaEnd } from "#shared/saga/run-saga.ts"
import {
  type Cancelled,
  type DeadlinePassed,
  type Refusal,
  type Rejected,
  type Saga,
  type Step,
  step,
} from "#shared/saga/saga.ts"
import type { Transient, Unavailable, Unknown } from "#shared/transient.ts"
import { type Name, type Reason, reserved, unknown } from "./scripted-saga.ts"

type Reserve = ReturnType<Step<unknown, Name, Reason>["reserve"]>
type Cancel = ReturnType<Step<unknown, Name, Reason>["cancel"]>
type Decide = ReturnType<Saga<unknown, Name, Reason>["decide"]>
type Failing<E> = Effect.Effect<void, E>

describe("what may start a compensation", () => {
  it("is a rejection, a recorded cancel or the deadline", () => {
    expectTypeOf<Refusal>().toEqualTypeOf<Rejected | Cancelled | DeadlinePassed>()
  })

  it("is never a failure that can be retried", () => {
    expectTypeOf<Unavailable>().not.toExtend<Refusal>()
    expectTypeOf<Unknown>().not.toExtend<Refusal>()
  })

  it("is what is left of a reserve's failures when it is retried", () => {
    const retried = (reserve: Reserve) => retrying(reserve, forward)
    expectTypeOf(retried).returns.toEqualTypeOf<Failing<Rejected | Cancelled>>()
  })
})

describe("a step", () => {
  it("reserves, or is rejected, or finds a cancel, or knows no answer yet", () => {
    expectTypeOf<Failing<Rejected | Cancelled | Transient>>().toExtend<Reserve>()
    expectTypeOf<Failing<DeadlinePassed>>().not.toExtend<Reserve>()
    expectTypeOf<Failing<Error>>().not.toExtend<Reserve>()
  })

  it("has a cancel that can't be refused", () => {
    expectTypeOf<Failing<Transient>>().toExtend<Cancel>()
    expectTypeOf<Failing<Rejected>>().not.toExtend<Cancel>()
    expectTypeOf<Failing<Cancelled>>().not.toExtend<Cancel>()
    expectTypeOf<Failing<Transient | Rejected>>().not.toExtend<Cancel>()
  })

  it("needs its compensation and its refusal", () => {
    type Parts = Parameters<typeof step<unknown, Name, Reason>>[1]
    expectTypeOf<Omit<Parts, "cancel">>().not.toExtend<Parts>()
    expectTypeOf<Omit<Parts, "refusal">>().not.toExtend<Parts>()
  })

  it("keeps its name and its refusal as literals", () => {
    const money = step("money", {
      reserve: () => unknown,
      cancel: () => reserved,
      refusal: "no money",
    })
    expectTypeOf(money).toEqualTypeOf<Step<unknown, "money", "no money">>()
    expectTypeOf(money).toExtend<Step<unknown, Name, Reason>>()
    expectTypeOf<Step<unknown, "oven", "no oven">>().not.toExtend<Step<unknown, Name, Reason>>()
  })
})

describe("a saga", () => {
  it("has a register that can't refuse a decision", () => {
    expectTypeOf<Effect.Effect<"completed", Transient>>().toExtend<Decide>()
    expectTypeOf<Effect.Effect<"completed", Rejected>>().not.toExtend<Decide>()
    expectTypeOf<Effect.Effect<"aborted", Transient>>().not.toExtend<Decide>()
  })

  it("has no failure, and needs nothing, when it is run", () => {
    const run = (saga: Saga<unknown, Name, Reason>) => runSaga(saga)
    expectTypeOf(run).returns.toEqualTypeOf<Effect.Effect<SagaEnd>>()
  })
})
