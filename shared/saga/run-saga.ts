/**
 * Runs a saga: its steps in order, each with a compensation that is registered before the call is sent, since a call
 * whose answer never came may have happened. When the saga is refused, the register is told first, and what it answers
 * is obeyed: on an abort the compensations run as finalizers of the saga's scope, the last step's first, each until it
 * is done. Being stopped is not a failure: nothing is compensated, and whoever gets the saga next goes on.
 */
import { Effect, Schema } from "effect"
import { arm, compensateAll } from "./compensation.ts"
import { forEver, forward, retrying } from "./retry.ts"
import { answered, begin, type Run, runOf } from "./run.ts"
import {
  DeadlinePassed,
  type Refusal,
  type Saga,
  type SagaDecision,
  type SagaStatus,
} from "./saga.ts"

/** How a saga can end. `unknown`: the register has no such saga; it was undone, in case it had begun. */
export type SagaEnd = "completed" | "failed" | "unknown"

/** The register says that the saga is to be undone. */
class Aborted extends Schema.TaggedError<Aborted>()("Aborted", {}) {}

// Made once: an error takes its stack with it.
const aborted = new Aborted()
const deadlinePassed = new DeadlinePassed()

/** Runs the saga to its end. It never fails; an interruption or a defect leaves it to be run again. */
export const runSaga = <Of, Name extends string, Reason extends string>(
  saga: Saga<Of, Name, Reason>,
): Effect.Effect<SagaEnd> =>
  Effect.clockWith((clock) => {
    const run = runOf(saga, clock)
    return Effect.catch(goForward(run), (failure) => goBack(run, failure))
  })

const goForward = Effect.fnUntraced(
  function* <Of, Name extends string, Reason extends string>(run: Run<Of, Name, Reason>) {
    if (run.saga.redelivered) {
      const status = yield* decide(run, { decision: "ask", timeline: [] })
      if (status !== "pending") {
        yield* armEvery(run)
        return yield* obey(status)
      }
    }
    const proceed = onceMore(run)
    for (const step of run.saga.steps) {
      if (isLate(run)) return yield* deadlinePassed
      begin(run)
      yield* arm(run)
      yield* retrying(step.reserve(run.saga.of), forward, proceed)
      answered(run, step, "reserve", "reserved")
    }
    if (isLate(run)) return yield* deadlinePassed
    const timeline = run.timeline.splice(0)
    return yield* obey(yield* decide(run, { decision: "complete", timeline }))
  },
)

const onceMore = <Of, Name extends string, Reason extends string>(run: Run<Of, Name, Reason>) =>
  Effect.suspend(() => {
    run.attempts++
    return isLate(run) ? Effect.fail(deadlinePassed) : Effect.void
  })

const isLate = <Of, Name extends string, Reason extends string>(
  run: Run<Of, Name, Reason>,
): boolean => run.clock.currentTimeMillisUnsafe() >= run.saga.deadlineMs

/** No Transient failure can lead here. */
const goBack = <Of, Name extends string, Reason extends string>(
  run: Run<Of, Name, Reason>,
  failure: Refusal | Aborted,
) => failure._tag === "Aborted" ? undo(run) : Effect.catch(abort(run, failure), () => undo(run))

const abort = Effect.fnUntraced(
  function* <Of, Name extends string, Reason extends string>(
    run: Run<Of, Name, Reason>,
    refusal: Refusal,
  ) {
    const { steps, timedOut } = run.saga
    let reason = timedOut
    if (refusal._tag === "DeadlinePassed") {
      // An earlier run may have got further than this one: every step is undone, attempted here or not.
      yield* armEvery(run)
    } else {
      // The step that was armed last is the one that refused. The refusal is on record, so no run ever passed this step; and
      // at the step itself there is nothing to give back.
      run.armed--
      const step = steps[run.armed]!
      const rejected = refusal._tag === "Rejected"
      if (rejected) reason = step.refusal
      answered(run, step, "reserve", rejected ? "rejected" : "cancelled")
    }
    const timeline = run.timeline.splice(0)
    return yield* obey(yield* decide(run, { decision: "abort", reason, timeline }))
  },
)

const armEvery = <Of, Name extends string, Reason extends string>(run: Run<Of, Name, Reason>) =>
  Effect.whileLoop({
    while: () => run.armed < run.saga.steps.length,
    body: () => arm(run),
    step: () => {},
  })

/** The register's answer counts, never this run's own belief. */
const obey = (status: SagaStatus): Effect.Effect<SagaEnd, Aborted> => {
  switch (status) {
    case "completed":
    case "failed":
      return Effect.succeed(status)
    case "compensating":
    case "unknown":
      return Effect.fail(aborted)
    case "pending":
      return Effect.die(new Error("The register answered a decision with `pending`"))
  }
}

const undo = Effect.fnUntraced(
  function* <Of, Name extends string, Reason extends string>(run: Run<Of, Name, Reason>) {
    yield* compensateAll(run)
    // Not everything is undone: the saga stays as it is, for the next run.
    if (run.cutShort) return yield* Effect.failCause(run.cutShort)
    const timeline = run.timeline.splice(0)
    const status = yield* decide(run, { decision: "settle", timeline })
    if (status === "failed" || status === "unknown") return status
    return yield* Effect.die(new Error(`The register answered a settlement with \`${status}\``))
  },
)

const decide = <Of, Name extends string, Reason extends string>(
  run: Run<Of, Name, Reason>,
  decision: SagaDecision<Name, Reason>,
): Effect.Effect<SagaStatus> => retrying(run.saga.decide(decision), forEver)
