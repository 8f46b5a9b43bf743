/**
 * Bugs of the orchestrator with orders that go through the steps together: one's fate becomes
 * another's.
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
    what: "An order that another one of its wave was refused with is undone, too",
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
      "Of an order that left its wave the compensations stay behind, so nothing of it is undone",
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
    what: "Of a request that waves share each takes its answers from the beginning",
    seenIn: "batches whose answers are matched by their place alone",
    edits: [{
      file: sharedCall,
      replace: "all.slice(at, at += length)",
      by: "all.slice(0, at += length)",
    }],
    caughtBy: ["I1", "I9", "I10"],
  },
  {
    name: "waits-for-all",
    what: "A wave goes on together: a participant that is away holds up those that do not need it",
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
    what: "A wave that waits for a participant keeps its place, so that no other one may begin",
    seenIn: "worker pools of a fixed size, whose workers wait",
    edits: [{ file: untilAnswered, replace: "      yield* wave.makeRoom\n", by: "" }],
    caughtBy: ["I12"],
  },
  {
    name: "poison-buries-its-wave",
    what: "Everybody of a request that is refused as a whole is refused",
    seenIn: "Lambda on SQS: one bad message takes its batch along to the dead letters",
    edits: [{ file: resolving, replace: "(ofContents && part.length > 1)", by: "(false)" }],
    caughtBy: ["I10", "I12"],
  },
  {
    name: "poison-stops-its-wave",
    what: "A request that is refused as a whole is sent again as it is, for ever",
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
    what: "A request that fails is sent again as it is, whoever is in it",
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
    what: "An order goes through all steps of today, whichever it was accepted with",
    seenIn: "Temporal: changed code breaks the workflows that are under way",
    edits: [{ file: orderRun, replace: "delivery.message.steps.includes(step)", by: "true" }],
    caughtBy: ["I1"],
  },
  {
    name: "version-counted",
    what: "An order goes through as many steps of today as it was accepted with, from the first on",
    seenIn: "engines that remember of a run how many steps it has done, not which",
    edits: [{
      file: orderRun,
      replace: "delivery.message.steps.includes(step)",
      by: `["money", "item", "slot"].indexOf(step) < delivery.message.steps.length`,
    }],
    caughtBy: ["I1"],
  },
  {
    name: "version-forgotten",
    what: "An order that is published again is given the steps of today",
    seenIn: "Temporal: changed code breaks the workflows that are under way",
    edits: [{
      file: "services/orders/order.ts",
      replace: "  steps: order.steps,\n",
      by: `  steps: ["money", "item", "slot"],\n`,
    }],
    caughtBy: ["I1"],
  },
  {
    name: "runs-twice",
    what: "An order that is in flight already is run once more beside it",
    seenIn: "consumers that do not know what they have in flight",
    edits: [{
      file: consumer,
      replace: "if (working === undefined) {",
      by: "if (working !== entryId) {",
    }],
    caughtBy: ["I7", "I8"],
  },
]
