/**
 * Bugs of the orchestrator with a single order: in its compensations, retries, clocks and answers.
 */
import type { Absorbed, Bug, Edit } from "./bug.ts"

const runWave = "shared/saga/run-wave.ts"
const compensation = "shared/saga/compensation.ts"
const wait = "shared/saga/wait.ts"
const retry = "shared/saga/retry.ts"
const participants = "services/orchestrator/participants.ts"
const resolving = "services/orchestrator/resolving.ts"
const consumer = "services/orchestrator/consumer.ts"

const armedAfterSuccess: ReadonlyArray<Edit> = [
  {
    file: runWave,
    replace: `      yield* register(sagas, wave, at + 1)
      for (const run of going) run.armed = at + 1
`,
    by: "",
  },
  {
    file: runWave,
    replace: `      if (outcome === "reserved") return\n`,
    by: `      if (outcome === "reserved") return void (run.armed = at + 1)\n`,
  },
]
/** Shields a compensation from a stop, except while it waits. */
const shielded: ReadonlyArray<Edit> = [
  {
    file: compensation,
    replace: "Effect.interruptible(cancel(sagas, wave, armed, at))",
    by: "cancel(sagas, wave, armed, at)",
  },
  {
    file: wait,
    replace: "yield* endOrWake(leftMs, held.wake)",
    by: "yield* Effect.interruptible(endOrWake(leftMs, held.wake))",
  },
]
const onlyArmedOnDeadline: Edit = {
  file: runWave,
  replace: "turnRound(run, new DeadlinePassed(), sagas.rows.length)",
  by: "turnRound(run, new DeadlinePassed(), run.armed)",
}

export const sagaBugs: ReadonlyArray<Bug> = [
  {
    name: "armed-after-success",
    what:
      "A compensation is registered after its call succeeded, and only registered ones run at the deadline",
    seenIn: "Temporal's saga sample, Effect's withCompensation, Vercel's advice",
    edits: [...armedAfterSuccess, onlyArmedOnDeadline],
    caughtBy: ["I1", "I8"],
  },
  {
    name: "only-attempted-undone",
    what:
      "At the deadline, only the steps that this run attempted are undone, not those of earlier runs",
    seenIn: "engines that keep the list of what to undo in the memory of one run",
    edits: [onlyArmedOnDeadline],
    caughtBy: ["I1", "I8"],
  },
  {
    name: "redelivered-not-asked",
    what: "A redelivered order starts at once, without asking the register about it first",
    seenIn: "queues whose consumers take a second delivery for a first one",
    edits: [{
      file: runWave,
      replace: "wave.runs.filter((run) => run.end === undefined && isAgain(run)),",
      by: "[],",
    }],
    caughtBy: ["I10"],
  },
  {
    name: "timeout-is-rejection",
    what: "A call that timed out counts as rejected",
    seenIn: "Sock Shop: a timeout becomes an error, with the payment taken",
    edits: [{
      file: participants,
      replace: "calls[at]!(commands)),",
      by: `Effect.map(calls[at]!(commands), (answers) =>
          answers.map((answer, n) =>
            answer._tag === "OutcomeUnknown" && commands[n].action === "reserve"
              ? { orderId: commands[n].orderId, outcome: "rejected" }
              : answer
          ))),`,
    }],
    caughtBy: ["I1", "I9"],
  },
  {
    name: "own-belief",
    what:
      "A run that asked for an abort compensates even if the register answers that the order is completed",
    seenIn: "DBOS: the recovery and the earlier run both went on",
    edits: [{
      file: runWave,
      replace: `if (status === "completed" || status === "failed") {`,
      by: `if (run.refusal === undefined && (status === "completed" || status === "failed")) {`,
    }],
    caughtBy: ["I1", "I9"],
  },
  {
    name: "own-clock",
    what:
      "An order's age mixes two clocks: that of the orchestrator for now, that of orders for its creation",
    seenIn: "deadlines that are sent as times of day; gRPC avoids it by sending durations",
    edits: [{
      file: consumer,
      replace: "ordersMs: nowMs, toldAtMs: heardAtMs",
      by: "ordersMs: clock.currentTimeMillisUnsafe(), toldAtMs: Infinity",
    }],
    caughtBy: ["I9"],
  },
  {
    name: "clock-not-asked",
    what: "An order is aborted for its age before the orders service has told its time",
    seenIn: "estimates of another clock that are used before the first sample",
    edits: [{
      file: runWave,
      replace: "untold: late.filter((run) => run.takenAtMs > now.toldAtMs)",
      by: "untold: late.filter(() => false)",
    }],
    caughtBy: ["I9"],
  },
  {
    name: "undo-on-any-failure",
    what:
      "Compensations run whenever the saga's scope closes, even when the process is told to stop",
    seenIn: "Effect's withCompensation runs on any failed exit",
    edits: [
      ...shielded,
      {
        file: consumer,
        replace: "buryWithDefect(sagas, wave, goOn))),",
        by: `buryWithDefect(
        sagas,
        wave,
        Effect.onError(goOn, () => Scope.close(wave.scope, Exit.void)),
      ))),`,
      },
      {
        file: consumer,
        replace: "import { Cause, Clock, Effect, FiberSet,",
        by: "import { Cause, Clock, Effect, Exit, Scope, FiberSet,",
      },
    ],
    caughtBy: ["I9"],
  },
  {
    name: "undo-goes-on-when-stopped",
    what: "A compensation that a stop interrupted is skipped, and that of the step before it runs",
    seenIn: "Temporal: undo that is not shielded from cancellation",
    edits: [
      ...shielded,
      {
        file: compensation,
        replace: "    if (wave.cutShort !== undefined) return Effect.void\n",
        by: "",
      },
    ],
    caughtBy: ["I8"],
  },
  {
    name: "forward-undo",
    what: "Compensations run in the order of the steps, first step first",
    seenIn: "undo lists that nobody reverses",
    edits: [
      {
        file: compensation,
        replace: "return Scope.addFinalizer(wave.scope, compensate(sagas, wave, at))",
        by: `return at > 0 ? Effect.void : Scope.addFinalizer(
        wave.scope,
        Effect.forEach(sagas.rows, (_, n) => compensate(sagas, wave, n), { discard: true }),
      )`,
      },
      { file: compensation, replace: "      run.armed = at\n", by: "" },
    ],
    caughtBy: ["I8"],
  },
  {
    name: "undo-not-retried",
    what: "A compensation is tried once, and its failure is swallowed",
    seenIn: "Temporal's saga sample",
    edits: [{
      file: compensation,
      replace: `sagas.send(row.at, runs.map((run) => commandOf(run, row, "cancel"))),`,
      by: `Effect.map(
        sagas.send(row.at, runs.map((run) => commandOf(run, row, "cancel"))),
        (answers) =>
          answers.map((answer) => "outcome" in answer ? answer : { outcome: "cancelled" }),
      ),`,
    }],
    caughtBy: ["I1", "I8"],
  },
  {
    name: "retry-without-pause",
    what: "A failed call is retried at once, as fast as the network allows",
    seenIn: "dtm: a refused undo was retried about 80 times a second",
    edits: [{ file: wait, replace: "(yield* endOrWake(leftMs, held.wake))", by: "true" }],
    caughtBy: ["I10", "I12"],
  },
  {
    name: "retry-without-cap",
    what:
      "The wait between retries doubles without limit, so a longer silence follows a long outage",
    seenIn: "dtm: the wait doubles, with no visible cap",
    edits: [{
      file: retry,
      replace: `Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced(longest)]).pipe(`,
      by: `Schedule.exponential("50 millis").pipe(`,
    }],
    caughtBy: ["I12", "I13"],
  },
  {
    name: "retry-starts-wait-anew",
    what: "A request to retry now restarts the wait, so frequent requests postpone the retry",
    seenIn: "timers that are reset by each event that should end them",
    edits: [{
      file: wait,
      replace: "if (isOver || held.woken.size === waiting.length) {",
      by: `if (!isOver) {
      held.woken.clear()
      held.wake.closeUnsafe()
      overAtSteadyMs = steadyMsOf(clock) + Duration.toMillis(wait)
    } else {`,
    }, {
      file: wait,
      replace: "const overAtSteadyMs",
      by: "let overAtSteadyMs",
    }],
    caughtBy: ["I12"],
  },
  {
    name: "redriven-as-new",
    what: "A redriven dead letter counts as an order that was never started",
    seenIn: "redrives that copy a message into the queue and leave its history behind",
    edits: [{
      file: "shared/queue/queue-desk.ts",
      replace: "  republished: message.republished + 1,\n",
      by: "  republished: 0,\n",
    }],
    caughtBy: ["I10"],
  },
  {
    name: "wrong-answer",
    what: "Each answer of a batch is given to the entry next to its own",
    seenIn: "batches whose answers are matched by position alone",
    edits: [{
      file: resolving,
      replace: "answers.push(...result.success)",
      by: "answers.push(...result.success.slice(1), result.success[0]!)",
    }],
    caughtBy: ["I1", "I9"],
  },
  {
    name: "failed-batch-forgotten",
    what: "When a batch fails, its waiting callers get no answer",
    seenIn: "MassTransit: an answer is lost under load, and the saga is stuck for ever",
    edits: [{
      file: resolving,
      replace: "      const { failure } = result\n",
      by: `      const { failure } = result
      if (!(failure instanceof Refused)) return yield* Effect.never
`,
    }],
    caughtBy: ["I12", "I13"],
  },
  {
    name: "acknowledged-at-once",
    what: "An entry is acknowledged before its order is decided",
    seenIn: "consumers that acknowledge a message when they receive it",
    edits: [{
      file: consumer,
      replace: "          const wave = waveOf(fresh, makeRoom)\n",
      by: `          const entryIds = fresh.map(({ delivery }) => delivery.entryId)
          yield* FiberSet.run(fibers, untilTaken(queue.acknowledge(entryIds)))
          const wave = waveOf(fresh, makeRoom)
`,
    }],
    caughtBy: ["I7"],
  },
]

export const absorbedSagaBugs: ReadonlyArray<Absorbed> = [
  {
    name: "armed-after-success-alone",
    what: "A compensation is registered after its call succeeded",
    because: "only a rejection, the deadline or a cancel aborts, and the last two arm every step",
    edits: armedAfterSuccess,
  },
]
