/**
 * A saga of three steps whose participants and register answer by script, and which notes every call. A script lists the
 * first answers of a call; after them participants do as they are told, and the register is honest: it keeps one state,
 * and the first decision wins. So a test states what is unusual in its scenario, and nothing else.
 */
import { Clock, Effect, type Exit, type Fiber } from "effect"
import { TestClock } from "effect/testing"
import { runSaga, type SagaEnd } from "#shared/saga/run-saga.ts"
import {
  Cancelled,
  Rejected,
  type Saga,
  type SagaDecision,
  type SagaStatus,
  type Step,
  step,
} from "#shared/saga/saga.ts"
import { type Transient, Unavailable, Unknown } from "#shared/transient.ts"

export type Name = "money" | "item" | "slot"
export type Reason = "no money" | "no item" | "no slot" | "timed out"

type ReserveAnswer = Effect.Effect<void, Rejected | Cancelled | Transient>
type CancelAnswer = Effect.Effect<void, Transient>

export const reserved = Effect.void
export const rejected = Effect.fail(new Rejected())
export const cancelled = Effect.fail(new Cancelled())
export const unavailable = Effect.fail(new Unavailable({ message: "connection refused" }))
export const unknown = Effect.fail(new Unknown({ message: "no answer within 5 s" }))

/** The same answer, so many times. */
export const times = <A>(count: number, answer: A): ReadonlyArray<A> => Array(count).fill(answer)

export interface Script {
  readonly reserve?: Partial<Record<Name, ReadonlyArray<ReserveAnswer>>>
  readonly cancel?: Partial<Record<Name, ReadonlyArray<CancelAnswer>>>
  /** The register's first answers; "lost" is one that was given, after the decision took effect, and never came. */
  readonly register?: ReadonlyArray<"honest" | "lost" | Effect.Effect<SagaStatus, Transient>>
  /** The register's state at the start; pending if absent. */
  readonly status?: SagaStatus
  readonly redelivered?: boolean
  /** Two minutes if absent. */
  readonly deadlineMs?: number
}

export interface Scripted {
  readonly saga: Saga<unknown, Name, Reason>
  /** Every call sent, in order, as in "reserve money" or "abort". */
  readonly sent: ReadonlyArray<string>
  /** The times of the calls, in milliseconds since the start. */
  readonly sentAtMs: ReadonlyArray<number>
  readonly decisions: ReadonlyArray<SagaDecision<Name, Reason>>
  readonly status: () => SagaStatus
}

export const scripted = (script: Script = {}): Scripted => {
  const sent: Array<string> = []
  const sentAtMs: Array<number> = []
  const decisions: Array<SagaDecision<Name, Reason>> = []
  let status = script.status ?? "pending"

  const call = <A, E>(name: string, answers: ReadonlyArray<Effect.Effect<A, E>>, last: A) => {
    const left = [...answers]
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      sent.push(name)
      sentAtMs.push(now)
      return left.shift() ?? Effect.succeed(last)
    })
  }
  const stepOf = (name: Name, refusal: Reason): Step<unknown, Name, Reason> => {
    const reserve = call(`reserve ${name}`, script.reserve?.[name] ?? [], undefined)
    const cancel = call(`cancel ${name}`, script.cancel?.[name] ?? [], undefined)
    return step(name, { reserve: () => reserve, cancel: () => cancel, refusal })
  }
  const registerAnswers = [...script.register ?? []]
  const decide = (decision: SagaDecision<Name, Reason>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      sent.push(decision.stuck === undefined ? decision.decision : "stuck")
      sentAtMs.push(now)
      decisions.push(decision)
      const answer = registerAnswers.shift() ?? "honest"
      if (answer !== "honest" && answer !== "lost") return answer
      status = after(status, decision.decision)
      return answer === "lost" ? unknown : Effect.succeed(status)
    })
  return {
    saga: {
      steps: [stepOf("money", "no money"), stepOf("item", "no item"), stepOf("slot", "no slot")],
      of: undefined,
      deadlineMs: script.deadlineMs ?? 120_000,
      timedOut: "timed out",
      redelivered: script.redelivered ?? false,
      decide,
    },
    sent,
    sentAtMs,
    decisions,
    status: () => status,
  }
}

/** What a decision makes of a state: the first one wins. */
export const after = (
  status: SagaStatus,
  decision: SagaDecision<Name, Reason>["decision"],
): SagaStatus => {
  if (status === "pending" && decision === "complete") return "completed"
  if (status === "pending" && decision === "abort") return "compensating"
  if (status === "compensating" && decision === "settle") return "failed"
  return status
}

/** Starts the saga, which goes on as the test moves the clock. */
export const start = ({ saga }: Scripted) => Effect.forkChild(runSaga(saga))

/** Runs the saga to its end, however long it takes within an hour of the test's clock; fails if it takes longer. */
export const runToEnd = (
  scripted: Scripted,
): Effect.Effect<Exit.Exit<SagaEnd>> =>
  Effect.gen(function* () {
    const fiber = yield* start(scripted)
    yield* TestClock.adjust("1 hour")
    return fiber.pollUnsafe() ?? (yield* Effect.die(new Error("The saga has not ended")))
  })

/** Interrupts the run, and gives its exit if it ends at once. */
export const interrupt = (fiber: Fiber.Fiber<SagaEnd>) =>
  Effect.gen(function* () {
    fiber.interruptUnsafe()
    yield* TestClock.adjust(0)
    return fiber.pollUnsafe()
  })
