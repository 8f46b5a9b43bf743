/**
 * Bugs of the orchestrator with any one order: when it compensates, what, in which order, and whom
 * it believes.
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
/** A compensation is shielded from a stop, but for its waits. */
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
    edits: [{
      file: runWave,
      replace: "wave.runs.filter((run) => run.end === undefined && isAgain(run)),",
      by: "[],",
    }],
    caughtBy: ["I10"],
  },
  {
    name: "timeout-is-rejection",
    what: "A call that timed out counts as refused",
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
      "Who asked for an abort compensates, even if the register answers that the order is completed",
    seenIn: "DBOS: the recovery and the run before it both went on",
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
      "An order's age is told by the orchestrator's clock, and its creation by the clock of orders",
    seenIn:
      "deadlines that travel as times of day, which gRPC's timeouts avoid by travelling as durations",
    edits: [{
      file: consumer,
      replace: "ordersMs: nowMs, toldAtMs: heardAtMs",
      by: "ordersMs: clock.currentTimeMillisUnsafe(), toldAtMs: Infinity",
    }],
    caughtBy: ["I9"],
  },
  {
    name: "clock-not-asked",
    what: "An order is aborted for its age before orders has told what time it is",
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
      "Compensations run however the saga's scope closes, also when the process is told to stop",
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
    what: "A compensation that a stop cut short is passed over, and the earlier step's runs",
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
    what: "Compensations run in the order of the steps, the first step's first",
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
    what: "What failed is tried again at once, as often as the network lets it",
    seenIn: "dtm: an undo that was refused came about 80 times a second",
    edits: [{ file: wait, replace: "(yield* endOrWake(leftMs, held.wake))", by: "true" }],
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
    name: "retry-starts-wait-anew",
    what:
      "Who is told to try now begins the wait from its start, so whoever says it often holds it up",
    seenIn: "timers that are set again by every event that ought to end them",
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
    what: "A dead letter is redriven as if nobody had begun its order before",
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
    what: "An answer to a batch is given to the entry next to the one it belongs to",
    seenIn: "batches whose answers are matched by their place alone",
    edits: [{
      file: resolving,
      replace: "answers.push(...result.success)",
      by: "answers.push(...result.success.slice(1), result.success[0]!)",
    }],
    caughtBy: ["I1", "I9"],
  },
  {
    name: "failed-batch-forgotten",
    what: "When a batch fails, nobody tells those who wait for it",
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
    what: "A compensation is registered when the call has succeeded",
    because: "only a recorded refusal or the deadline aborts, and the deadline arms every step",
    edits: armedAfterSuccess,
  },
]
