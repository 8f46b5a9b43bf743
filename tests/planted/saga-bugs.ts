/** Bugs of the orchestrator: when it compensates, what, in which order, and whom it believes. */
import type { Absorbed, Bug, Edit } from "./bug.ts"

const runSaga = "shared/saga/run-saga.ts"
const compensation = "shared/saga/compensation.ts"
const retry = "shared/saga/retry.ts"
const groupCommit = "shared/batch/group-commit.ts"
const participants = "services/orchestrator/participants.ts"
const consumer = "services/orchestrator/consumer.ts"

const armedAfterSuccess: ReadonlyArray<Edit> = [
  {
    file: runSaga,
    replace: "      yield* arm(run)\n      yield* retrying(",
    by: "      yield* retrying(",
  },
  {
    file: runSaga,
    replace: `      answered(run, step, "reserve", "reserved")\n`,
    by: `      answered(run, step, "reserve", "reserved")\n      yield* arm(run)\n`,
  },
  { file: runSaga, replace: "      run.armed--\n", by: "" },
]
const onlyArmedOnDeadline: Edit = {
  file: runSaga,
  replace: `      yield* armEvery(run)
    } else {`,
  by: "    } else {",
}

export const sagaBugs: ReadonlyArray<Bug> = [
  {
    name: "armed-after-success",
    what:
      "A compensation is registered when the call has succeeded, and only those run at the deadline",
    seenIn: "Temporal's saga sample, Effect's withCompensation, Vercel's advice",
    edits: [...armedAfterSuccess, onlyArmedOnDeadline],
    caughtBy: ["I1", "I8"],
  },
  {
    name: "only-attempted-undone",
    what: "At the deadline the steps that this run attempted are undone, not those of earlier runs",
    seenIn: "engines that keep the list of what to undo in the memory of one run",
    edits: [onlyArmedOnDeadline],
    caughtBy: ["I1", "I8"],
  },
  {
    name: "redelivered-not-asked",
    what: "A redelivered order is begun at once, before the register has said that it knows it",
    seenIn: "queues whose consumers take a second delivery for a first one",
    edits: [{ file: runSaga, replace: "if (run.saga.redelivered) {", by: "if (false) {" }],
    caughtBy: ["I10"],
  },
  {
    name: "timeout-is-rejection",
    what: "A call that timed out counts as refused",
    seenIn: "Sock Shop: a timeout becomes an error, with the payment taken",
    edits: [{
      file: participants,
      replace: `send({ orderId, action: "reserve", resource, quantity })`,
      by: `Effect.catchTag(
          send({ orderId, action: "reserve", resource, quantity }),
          "Unknown",
          () => Effect.fail(new Rejected()),
        )`,
    }],
    caughtBy: ["I1", "I9"],
  },
  {
    name: "own-belief",
    what:
      "Who asked for an abort compensates, even if the register answers that the order is completed",
    seenIn: "DBOS: the recovery and the run before it both went on",
    edits: [{
      file: runSaga,
      replace: `return yield* obey(yield* decide(run, { decision: "abort", reason, timeline }))`,
      by: `yield* decide(run, { decision: "abort", reason, timeline })
    return yield* Effect.fail(aborted)`,
    }],
    caughtBy: ["I1", "I9"],
  },
  {
    name: "undo-on-any-failure",
    what:
      "Compensations run however the saga's scope closes, also when the process is told to stop",
    seenIn: "Effect's withCompensation runs on any failed exit",
    edits: [{
      file: runSaga,
      replace: `Effect.catch(goForward(run), (failure) => goBack(run, failure))`,
      by: `Effect.onError(
      Effect.catch(goForward(run), (failure) => goBack(run, failure)),
      () => compensateAll(run),
    )`,
    }],
    caughtBy: ["I9"],
  },
  {
    name: "undo-goes-on-when-stopped",
    what: "A compensation that a stop cut short is passed over, and the earlier step's runs",
    seenIn: "Temporal: undo that is not shielded from cancellation",
    edits: [{ file: compensation, replace: "    if (run.cutShort) return\n", by: "" }],
    caughtBy: ["I8"],
  },
  {
    name: "forward-undo",
    what: "Compensations run in the order of the steps, the first step's first",
    seenIn: "undo lists that nobody reverses",
    edits: [{
      file: compensation,
      replace: `  return Scope.addFinalizerExit(
    run.scope,
    () => at < run.armed ? compensate(run, run.saga.steps[at]!) : Effect.void,
  )`,
      by: `  return at > 0 ? Effect.void : Scope.addFinalizerExit(
    run.scope,
    () =>
      Effect.forEach(run.saga.steps.slice(0, run.armed), (step) => compensate(run, step), {
        discard: true,
      }),
  )`,
    }],
    caughtBy: ["I8"],
  },
  {
    name: "undo-not-retried",
    what: "A compensation is tried once, and its failure is swallowed",
    seenIn: "Temporal's saga sample",
    edits: [{
      file: compensation,
      replace:
        "yield* retrying(step.cancel(run.saga.of), reporting, Effect.sync(() => run.attempts++)).pipe(",
      by: "yield* Effect.ignore(step.cancel(run.saga.of)).pipe(",
    }],
    caughtBy: ["I1"],
  },
  {
    name: "retry-without-pause",
    what: "What failed is tried again at once, as often as the network lets it",
    seenIn: "dtm: an undo that was refused came about 80 times a second",
    edits: [{
      file: retry,
      replace: "Effect.interruptible(Effect.orDie(wait(error))).pipe(",
      by: "Effect.void.pipe(",
    }],
    caughtBy: ["I10", "I12"],
  },
  {
    name: "retry-without-cap",
    what:
      "The wait between two tries doubles for ever, so that a long outage is followed by a longer silence",
    seenIn: "dtm: the wait doubles, with no cap to be seen",
    edits: [{
      file: retry,
      replace: `Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced(longest)]).pipe(`,
      by: `Schedule.exponential("50 millis").pipe(`,
    }],
    caughtBy: ["I12", "I13"],
  },
  {
    name: "wrong-answer",
    what: "An answer to a batch is given to the entry next to the one it belongs to",
    seenIn: "batches whose answers are matched by their place alone",
    edits: [{
      file: groupCommit,
      replace: "answers[n] as O",
      by: "answers[(n + 1) % answers.length] as O",
    }],
    caughtBy: ["I1", "I6", "I9"],
  },
  {
    name: "failed-batch-forgotten",
    what: "When a batch fails, nobody tells those who wait for it",
    seenIn: "MassTransit: an answer is lost under load, and the saga is stuck for ever",
    edits: [{
      file: groupCommit,
      replace: "          batch.forEach(({ answer }, n) =>",
      by: "          Exit.isSuccess(exit) && batch.forEach(({ answer }, n) =>",
    }],
    caughtBy: ["I12", "I13"],
  },
]

export const absorbedSagaBugs: ReadonlyArray<Absorbed> = [
  {
    name: "armed-after-success-alone",
    what: "A compensation is registered when the call has succeeded",
    because: "only a recorded refusal or the deadline aborts, and the deadline arms every step",
    edits: armedAfterSuccess,
  },
  {
    name: "acknowledged-at-once",
    what: "An entry is acknowledged before its order is decided",
    because: "the queue is only a cache of work: the sweeper publishes whatever is not final",
    edits: [{
      file: consumer,
      replace: "      runToEnd(delivery.message, delivery.redelivered).pipe(",
      by: `      Effect.andThen(
        acknowledge(delivery.entryId),
        runToEnd(delivery.message, delivery.redelivered),
      ).pipe(`,
    }],
  },
]
