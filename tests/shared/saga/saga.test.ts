/**
 * What must not compile, checked by `tsc -p .`: at run time these tests only see that the types can
 * be imported.
 */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Effect } from "effect"
import { Refused } from "#shared/http/client.ts"
import {
  Aborted,
  Cancelled,
  DeadlinePassed,
  type OrderRun,
  type Refusal,
  Rejected,
  type SagaEnd,
  turnRound,
} from "#shared/saga/order-run.ts"
import { runWave } from "#shared/saga/run-wave.ts"
import type { Answers, Sagas, Wave } from "#shared/saga/saga.ts"
import type { Question } from "#shared/saga/until-answered.ts"
import type { Decided } from "#shared/contracts/decision.ts"
import type { Outcome } from "#shared/contracts/reservation.ts"
import { Misconfigured, OutcomeUnknown, type Transient, Unavailable } from "#shared/transient.ts"

/** Never run: its contents must compile, except the lines that are expected not to. */
const compiles = (_: (run: OrderRun) => void) => {}

describe("the reason that turns an order round", () => {
  it("is a rejection, a recorded cancel, the deadline or the register", () => {
    expectTypeOf<Refusal>().toEqualTypeOf<Rejected | Cancelled | DeadlinePassed | Aborted>()
    compiles((run) => {
      turnRound(run, new Rejected(), 1)
      turnRound(run, new Cancelled(), 1)
      turnRound(run, new DeadlinePassed(), 3)
      turnRound(run, new Aborted(), 3)
    })
  })

  it("is never a failed call", () => {
    const message = "no answer"
    compiles((run) => {
      // @ts-expect-error It cannot serve now, and may have taken effect.
      turnRound(run, new Unavailable({ message }), 1)
      // @ts-expect-error It may have taken effect.
      turnRound(run, new OutcomeUnknown({ message }), 1)
      // @ts-expect-error A person has to correct it.
      turnRound(run, new Misconfigured({ message }), 1)
      // @ts-expect-error The request was wrong: nothing is known about the order.
      turnRound(run, new Refused({ message }), 1)
      // @ts-expect-error Without a reason no order turns round.
      turnRound(run, undefined, 1)
      // @ts-expect-error Nor can it be recorded in another way.
      run.refusal = new OutcomeUnknown({ message })
      // @ts-expect-error A refusal is one of the four, not something with their name.
      run.refusal = { _tag: "Timeout" }
    })
  })
})

describe("an answer", () => {
  it("exists for each entry, or the entry's failure", () => {
    expectTypeOf<OutcomeUnknown>().toExtend<Answers<Outcome>[number]>()
    expectTypeOf<Refused>().toExtend<Answers<Outcome>[number]>()
    expectTypeOf<Rejected>().not.toExtend<Answers<Outcome>[number]>()
  })

  it("is all that a wave acts on: failures are not passed to it", () => {
    type Answer = Parameters<Question<Outcome>["answer"]>[1]
    expectTypeOf<Answer>().toEqualTypeOf<Outcome>()
    expectTypeOf<Transient>().not.toExtend<Answer>()
  })
})

describe("what waves depend on", () => {
  it("cannot fail as a whole: neither a participant nor the register", () => {
    type Send = ReturnType<Sagas["send"]>
    type Decide = ReturnType<Sagas["decide"]>
    expectTypeOf<Effect.Effect<Answers<Outcome>>>().toExtend<Send>()
    expectTypeOf<Effect.Effect<Answers<Outcome>, Transient>>().not.toExtend<Send>()
    expectTypeOf<Effect.Effect<Answers<Decided>, Unavailable>>().not.toExtend<Decide>()
    expectTypeOf<Effect.Effect<Answers<Decided>, Rejected>>().not.toExtend<Decide>()
  })

  it("is told how an order ended, never that it waits", () => {
    expectTypeOf<SagaEnd>().toEqualTypeOf<"completed" | "failed" | "unknown" | "buried">()
    compiles((run) => {
      // @ts-expect-error An order that is being undone has not ended.
      run.end = "compensating"
      // @ts-expect-error Nor has a pending one.
      run.end = "pending"
    })
  })
})

describe("a wave", () => {
  it("has no failure, and needs nothing, when it runs", () => {
    const run = (sagas: Sagas, wave: Wave) => runWave(sagas, wave)
    expectTypeOf(run).returns.toEqualTypeOf<Effect.Effect<void>>()
  })
})
