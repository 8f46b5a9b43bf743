/**
 * Runs a saga: its steps in order, each with a compensation that is registered before the call is sent, since a call
 * whose answer never came may have happened. When the saga is refused, the register is told first, and what it answers
 * is obeyed: on an abort the compensations run as finalizers of the saga's scope, the last step's first, each until it
 * is done. Being stopped is not a failure: nothing is compensated, and whoever gets the saga next goes on.
 */
import { Effect, Scope } from "effect"
import { type Aborted, aborted, arm } from "./compensation.ts"
import { forEver, forward, retrying } from "./retry.ts"
import { type Run, runOf, track } from "./run.ts"
import {
  DeadlinePassed,
  type Refusal,
  type Saga,
  type SagaDecision,
  type SagaStatus,
  type Step,
} from "./saga.ts"

/** How a saga can end. `unknown`: the register has no such saga; it was undone, in case it had begun. */
export type SagaEnd = "completed" | "failed" | "unknown"

const deadlinePassed = new DeadlinePassed()

/** The saga is to be aborted. Made of a Refusal only: no Transient failure can lead here. */
interface Refused<Reason> {
  readonly _tag: "Refused"
  readonly reason: Reason
  /** Which steps are to be undone: those that this run reserved, or every one. */
  readonly undo: "reserved" | "every"
}

/** Runs the saga to its end. It never fails; an interruption or a defect leaves it to be run again. */
export const runSaga = <Name extends string, Reason extends string>(
  saga: Saga<Name, Reason>,
): Effect.Effect<SagaEnd> =>
  Effect.clockWith((clock) => {
    const run = runOf(saga, clock)
    return goForward(run).pipe(
      Effect.catchTag("Refused", (refused) => abort(run, refused)),
      Effect.onExit((exit) => Scope.close(run.scope, exit)),
      Effect.catchTag("Aborted", () => settle(run)),
    )
  })

const goForward = Effect.fnUntraced(
  function* <Name extends string, Reason extends string>(run: Run<Name, Reason>) {
    if (run.saga.redelivered) {
      const status = yield* decide(run, { decision: "ask", timeline: [] })
      if (status !== "pending") {
        yield* armEvery(run)
        return yield* obey(status)
      }
    }
    for (const step of run.saga.steps) yield* reserve(run, step)
    if (isLate(run)) return yield* Effect.fail(refusedBy(run, deadlinePassed))
    const timeline = run.timeline.splice(0)
    return yield* obey(yield* decide(run, { decision: "complete", timeline }))
  },
)

const reserve = Effect.fnUntraced(
  function* <Name extends string, Reason extends string>(
    run: Run<Name, Reason>,
    step: Step<Name, Reason>,
  ) {
    if (isLate(run)) return yield* Effect.fail(refusedBy(run, deadlinePassed))
    const { attempt, answered } = track(run, step, "reserve", step.reserve)
    yield* arm(run, step)
    yield* Effect.catch(retrying(attempt, forward, unlessLate(run)), (refusal) => {
      if (refusal._tag === "Rejected") answered("rejected")
      if (refusal._tag === "Cancelled") answered("cancelled")
      return Effect.fail(refusedBy(run, refusal, step))
    })
    answered("reserved")
  },
)

const refusedBy = <Name extends string, Reason extends string>(
  run: Run<Name, Reason>,
  refusal: Refusal,
  step?: Step<Name, Reason>,
): Refused<Reason> => {
  const { timedOut } = run.saga
  // A deadline may pass after an earlier run got further than this one: every step is undone, attempted here or not.
  if (refusal._tag === "DeadlinePassed") return { _tag: "Refused", reason: timedOut, undo: "every" }
  // A refusal is on record, so no run ever passed this step; and at the step itself there is nothing to give back.
  if (step !== undefined) run.armed.delete(step)
  const reason = refusal._tag === "Rejected" && step !== undefined ? step.refusal : timedOut
  return { _tag: "Refused", reason, undo: "reserved" }
}

const isLate = <Name extends string, Reason extends string>(run: Run<Name, Reason>): boolean =>
  run.nowMs() >= run.saga.deadlineMs

const unlessLate = <Name extends string, Reason extends string>(run: Run<Name, Reason>) =>
  Effect.suspend(() => isLate(run) ? Effect.fail(deadlinePassed) : Effect.void)

const abort = Effect.fnUntraced(
  function* <Name extends string, Reason extends string>(
    run: Run<Name, Reason>,
    { reason, undo }: Refused<Reason>,
  ) {
    if (undo === "every") yield* armEvery(run)
    const timeline = run.timeline.splice(0)
    return yield* obey(yield* decide(run, { decision: "abort", reason, timeline }))
  },
)

const armEvery = <Name extends string, Reason extends string>(run: Run<Name, Reason>) =>
  Effect.forEach(
    run.saga.steps.filter((step) => !run.armed.has(step)),
    (step) => arm(run, step),
    { discard: true },
  )

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

const settle = Effect.fnUntraced(
  function* <Name extends string, Reason extends string>(run: Run<Name, Reason>) {
    // Not everything is undone: the saga stays as it is, for the next run.
    if (run.cutShort) return yield* Effect.failCause(run.cutShort)
    const timeline = run.timeline.splice(0)
    const status = yield* decide(run, { decision: "settle", timeline })
    if (status === "failed" || status === "unknown") return status
    return yield* Effect.die(new Error(`The register answered a settlement with \`${status}\``))
  },
)

const decide = <Name extends string, Reason extends string>(
  run: Run<Name, Reason>,
  decision: SagaDecision<Name, Reason>,
): Effect.Effect<SagaStatus> => retrying(run.saga.decide(decision), forEver)
