/**
 * Runs the sagas of a wave: step by step, with one request for all orders that go forward, then
 * with one request that decides all of them. The register's answer counts, never a run's own
 * belief. A rejected order skips the later steps and turns round with the others: on an abort, the
 * compensations run as finalizers of the wave's scope. A stop is not a failure: nothing is
 * compensated, and the next consumer resumes the orders.
 */
import { Effect } from "effect"
import type { Decided, Decision } from "#shared/contracts/decision.ts"
import { timedOut } from "#shared/contracts/order-state.ts"
import { commandOf, register, undo } from "./compensation.ts"
import {
  Aborted,
  ageMsOf,
  answered,
  bury,
  Cancelled,
  DeadlinePassed,
  hasStep,
  isAgain,
  orderIdOf,
  type OrderRun,
  Rejected,
  takeTimeline,
  turnRound,
} from "./order-run.ts"
import { forEver, forward, isFailure } from "./retry.ts"
import type { Sagas, Wave } from "./saga.ts"
import { untilAnswered } from "./until-answered.ts"
import { letGo } from "./wave.ts"

/**
 * Runs each order of the wave to its end. Never fails; an interruption leaves the orders to be run
 * again.
 */
export const runWave = (sagas: Sagas, wave: Wave): Effect.Effect<void> =>
  Effect.gen(function* () {
    buryDefects(sagas, wave)
    yield* askAgain(sagas, wave)
    yield* goForward(sagas, wave, 0)
  })

/** When a row's `takes` throws, only the order that it threw for is buried. */
const buryDefects = ({ rows }: Sagas, wave: Wave): void => {
  for (const run of wave.runs) {
    try {
      for (const row of rows) if (hasStep(run, row)) row.takes(run.delivery.message)
    } catch (defect) {
      bury(run, `The saga's table met a defect: ${defect}`)
    }
  }
}

/** Asks for the state of the orders for which an earlier run may have made progress. */
const askAgain = (sagas: Sagas, wave: Wave) =>
  askFor(
    sagas,
    wave,
    wave.runs.filter((run) => run.end === undefined && isAgain(run)),
    0,
  )

/** Asks the register for the state of these orders. The others go on with the row at `from`. */
const askFor = (sagas: Sagas, wave: Wave, runs: ReadonlyArray<OrderRun>, from: number) =>
  runs.length === 0 ? Effect.void : untilAnswered(sagas, wave, runs, {
    request: { action: "ask", step: null },
    send: (runs) => sagas.decide(asks(runs)),
    answer: (run, { status }) => {
      if (status !== "pending") obey(sagas, run, status)
    },
    others: (part) => goForward(sagas, part, from),
    again: forEver,
  })

const asks = (runs: ReadonlyArray<OrderRun>): ReadonlyArray<Decision> =>
  runs.map((run) => ({ orderId: orderIdOf(run), decision: "ask", timeline: [] }))

const goForward = (sagas: Sagas, wave: Wave, from: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* letGo(sagas, wave)
    for (let at = from; at < sagas.rows.length; at++) {
      const row = sagas.rows[at]!
      yield* turnRoundLate(sagas, wave, at)
      const going = wave.runs.filter((run) => isGoing(run) && hasStep(run, row))
      if (going.length === 0) continue
      yield* register(sagas, wave, at + 1)
      for (const run of going) run.armed = at + 1
      yield* reserve(sagas, wave, going, at)
    }
    yield* turnRoundLate(sagas, wave, sagas.rows.length)
    yield* letGo(sagas, wave)
    yield* finish(sagas, wave)
  })

const isGoing = ({ refusal, end }: OrderRun): boolean => refusal === undefined && end === undefined

/**
 * The orders whose deadline has passed, and those among them that were taken after the orders
 * service last told its time.
 */
const lateOf = (sagas: Sagas, runs: ReadonlyArray<OrderRun>) => {
  const now = sagas.now()
  const late = runs.filter((run) => isGoing(run) && ageMsOf(run, now) >= sagas.deadlineMs)
  return { late, untold: late.filter((run) => run.takenAtMs > now.toldAtMs) }
}

// An earlier run may have got further than this one, so every step is undone, whether attempted
// here or not.
const turnRoundAll = (sagas: Sagas, runs: ReadonlyArray<OrderRun>): void => {
  for (const run of runs) turnRound(run, new DeadlinePassed(), sagas.rows.length)
}

/**
 * No order is aborted by this process's clock alone: each answer of the orders service brings the
 * time by its own clock.
 */
const turnRoundLate = (sagas: Sagas, wave: Wave, at: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { late, untold } = lateOf(sagas, wave.runs)
    if (untold.length === 0) return Effect.sync(() => turnRoundAll(sagas, late))
    return Effect.andThen(
      askFor(sagas, wave, untold, at),
      Effect.sync(() => turnRoundAll(sagas, lateOf(sagas, wave.runs).late)),
    )
  })

/**
 * After so many failed attempts (some seconds) the outage is not brief, and the customer may have
 * cancelled meanwhile.
 */
const asksAfterAttempts = 6

/**
 * Turns round the orders that need not wait for a participant any more: the register has them as
 * decided, or their deadline has passed. An order whose age the register has yet to confirm waits
 * on if the register does not answer.
 */
const giveUp = Effect.fnUntraced(function* (sagas: Sagas, waiting: ReadonlyArray<OrderRun>) {
  const untold = new Set(lateOf(sagas, waiting).untold)
  const asking = waiting.filter((run) => run.attempts >= asksAfterAttempts || untold.has(run))
  const answers = asking.length === 0 ? [] : yield* sagas.decide(asks(asking))
  for (const [n, run] of asking.entries()) {
    const answer = answers[n]!
    if (isFailure(answer)) continue
    untold.delete(run)
    if (answer.status !== "pending") obey(sagas, run, answer.status)
  }
  turnRoundAll(sagas, lateOf(sagas, waiting).late.filter((run) => !untold.has(run)))
  return waiting.filter((run) => !isGoing(run))
})

const reserve = (sagas: Sagas, wave: Wave, going: ReadonlyArray<OrderRun>, at: number) => {
  const row = sagas.rows[at]!
  return untilAnswered(sagas, wave, going, {
    request: { action: "reserve", step: row.step },
    send: (runs) => sagas.send(row.at, runs.map((run) => commandOf(run, row, "reserve"))),
    answer: (run, { outcome }, now) => {
      if (outcome === "mismatch") {
        return bury(run, `${row.at} has another reservation on record for the same order`)
      }
      answered(run, row, "reserve", outcome, now)
      if (outcome === "reserved") return
      // The rejection is on record, so no run ever passed this step, and this step itself has
      // nothing to give back.
      turnRound(run, outcome === "rejected" ? new Rejected() : new Cancelled(), at)
    },
    others: (part) => goForward(sagas, part, at + 1),
    again: forward,
    giveUp: (waiting) => giveUp(sagas, waiting),
  })
}

/** Decides all orders of the wave, and undoes those that the register has as aborted. */
const finish = (sagas: Sagas, wave: Wave): Effect.Effect<void> =>
  Effect.gen(function* () {
    const undecided = wave.runs.filter(({ refusal }) => !(refusal instanceof Aborted))
    yield* untilAnswered(sagas, wave, undecided, {
      request: { action: "decide", step: null },
      send: (runs) => sagas.decide(runs.map((run) => decisionOf(sagas, run))),
      answer: (run, { status }) => {
        takeTimeline(run)
        if (status === "pending") bury(run, "The register answered a decision with `pending`")
        else obey(sagas, run, status)
      },
      others: (part) => undo(sagas, part),
      again: forEver,
    })
    yield* wave.makeRoom
    yield* letGo(sagas, wave)
    if (wave.runs.length > 0) yield* undo(sagas, wave)
  })

const decisionOf = ({ rows }: Sagas, run: OrderRun) => {
  const { refusal, armed, timeline } = run
  const orderId = orderIdOf(run)
  if (refusal === undefined) return { orderId, decision: "complete", timeline } as const
  const reason = refusal instanceof Rejected ? rows[armed]!.refusal : timedOut
  run.reason = reason
  return { orderId, decision: "abort", reason, timeline } as const
}

/** The register's answer counts, never this run's own belief. */
const obey = (
  { rows }: Sagas,
  run: OrderRun,
  status: Exclude<Decided["status"], "pending">,
): void => {
  if (status === "completed" || status === "failed") {
    run.end = status
  } else if (run.refusal === undefined) {
    // It was aborted elsewhere, for another reason.
    turnRound(run, new Aborted(), rows.length)
  } else {
    run.refusal = new Aborted()
  }
}
