/**
 * Bugs of the orchestrator with waves: one order affects another, or an order gets the wrong steps.
 */
import type { Bug } from "./bug.ts"

const runWave = "shared/saga/run-wave.ts"
const wave = "shared/saga/wave.ts"
const orderRun = "shared/saga/order-run.ts"
const untilAnswered = "shared/saga/until-answered.ts"
const sharedCall = "services/orchestrator/shared-call.ts"
const resolving = "services/orchestrator/resolving.ts"
const consumer = "services/orchestrator/consumer.ts"

const suspected = "else suspects.add("

export const waveBugs: ReadonlyArray<Bug> = [
  {
    name: "undone-with-another",
    what: "When one order of a wave is rejected, the others are undone, too",
    seenIn: "bulk endpoints that are all or nothing",
    edits: [{
      file: runWave,
      replace:
        `      turnRound(run, outcome === "rejected" ? new Rejected() : new Cancelled(), at)\n`,
      by: `      const refusal = outcome === "rejected" ? new Rejected() : new Cancelled()
      for (const one of going) if (one === run || isGoing(one)) turnRound(one, refusal, at)
`,
    }],
    caughtBy: ["I1", "I9"],
  },
  {
    name: "split-off-not-undone",
    what:
      "An order that leaves its wave leaves its compensations behind, so nothing of it is undone",
    seenIn: "undo lists that belong to the batch and not to its parts",
    edits: [{
      file: wave,
      replace: "  wave.runs = waiting\n",
      by: "  wave.runs = waiting\n  part.registered = wave.registered\n",
    }],
    caughtBy: ["I1"],
  },
  {
    name: "answers-of-another-wave",
    what: "Each wave of a shared request takes its answers from the beginning of the list",
    seenIn: "batches whose answers are matched by position alone",
    edits: [{
      file: sharedCall,
      replace: "all.slice(at, at += length)",
      by: "all.slice(0, at += length)",
    }],
    caughtBy: ["I1", "I9", "I10"],
  },
  {
    name: "waits-for-all",
    what:
      "A wave proceeds as a whole: an unavailable participant holds up orders that do not need it",
    seenIn: "pipelines that pass on a batch when its last entry is done",
    edits: [
      {
        file: untilAnswered,
        replace: "      yield* leaveBehind(sagas, wave, waiting, others)\n      pause",
        by: "      pause",
      },
      {
        file: untilAnswered,
        replace: "  if (left.length > 0) yield* leaveBehind(sagas, wave, left, others)\n",
        by: "",
      },
    ],
    caughtBy: ["I12"],
  },
  {
    name: "keeps-its-place",
    what: "A wave that waits for a participant keeps its place, so no other wave can start",
    seenIn: "worker pools of a fixed size, whose workers wait",
    edits: [{ file: untilAnswered, replace: "      yield* wave.makeRoom\n", by: "" }],
    caughtBy: ["I12"],
  },
  {
    name: "poison-buries-its-wave",
    what: "When a request is refused as a whole, each of its orders counts as refused",
    seenIn: "Lambda on SQS: one bad message takes its batch along to the dead letters",
    edits: [{ file: resolving, replace: "(ofContents && part.length > 1)", by: "(false)" }],
    caughtBy: ["I10", "I12"],
  },
  {
    name: "poison-stops-its-wave",
    what: "A request that is refused as a whole is sent again unchanged, for ever",
    seenIn: "Kafka: a record that cannot be decoded is read again for ever",
    edits: [{
      file: resolving,
      replace: suspected,
      by:
        `else if (part.length > 1 && result.failure instanceof Refused) return Result.fail(refusesAll)
      ${suspected}`,
    }],
    caughtBy: ["I12"],
  },
  {
    name: "failing-entry-stops-all",
    what: "A failed request is sent again unchanged, with the entry that makes it fail",
    seenIn: "Lambda on SQS: a batch with one failure comes back whole",
    edits: [{
      file: resolving,
      replace: suspected,
      by: "else if (isOfContents(result.failure)) suspects.add(",
    }],
    caughtBy: ["I12"],
  },
  {
    name: "version-ignored",
    what: "An order goes through all current steps, instead of those that it was accepted with",
    seenIn: "Temporal: changed code breaks the workflows that are in flight",
    edits: [{ file: orderRun, replace: "delivery.message.steps.includes(step)", by: "true" }],
    caughtBy: ["I1"],
  },
  {
    name: "version-counted",
    what: "An order goes through the first current steps, as many as it was accepted with",
    seenIn: "engines that remember how many steps a run has done, not which",
    edits: [{
      file: orderRun,
      replace: "delivery.message.steps.includes(step)",
      by: `["money", "item", "slot"].indexOf(step) < delivery.message.steps.length`,
    }],
    caughtBy: ["I1"],
  },
  {
    name: "version-forgotten",
    what: "An order that is published again gets the current steps",
    seenIn: "Temporal: changed code breaks the workflows that are in flight",
    edits: [{
      file: "services/orders/order.ts",
      replace: "  steps: order.steps,\n",
      by: `  steps: ["money", "item", "slot"],\n`,
    }],
    caughtBy: ["I1"],
  },
  {
    name: "runs-twice",
    what: "An order that is already in flight is run a second time in parallel",
    seenIn: "consumers that do not know what they have in flight",
    edits: [{
      file: consumer,
      replace: "if (working === undefined) {",
      by: "if (working !== entryId) {",
    }],
    caughtBy: ["I7", "I8"],
  },
]
