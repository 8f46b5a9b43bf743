/**
 * Waves whose participants and register answer by script, for each order and step, and record all
 * that is sent. A script lists the first answers to an order. After them, participants follow every
 * command, and the register is honest: it keeps one state for each order, and the first decision
 * wins. So a test states only what is unusual in its scenario. Times are the test clock's, which
 * begins at 0.
 */
import { Cause, Clock, Effect, Exit, FiberSet, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Decided, Decision } from "#shared/contracts/decision.ts"
import type { StepName } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { orderSaga, type OrderStep, stepsInForce } from "#shared/contracts/order-saga.ts"
import type { Outcome } from "#shared/contracts/reservation.ts"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import { type Now, orderIdOf, type OrderRun, orderRun, sagaEnds } from "#shared/saga/order-run.ts"
import { runWave } from "#shared/saga/run-wave.ts"
import type { Sagas, Wave } from "#shared/saga/saga.ts"
import { waveOf } from "#shared/saga/wave.ts"
import { steadyMsOf } from "#shared/steady-time.ts"
import { Misconfigured, OutcomeUnknown, Unavailable } from "#shared/transient.ts"

export const unavailable = new Unavailable({ message: "connection refused" })
export const unknown = new OutcomeUnknown({ message: "no answer within 5 s" })
export const misconfigured = new Misconfigured({ message: "items answered 404" })
export const refused = new Refused({ message: "items answered 400" })

/** An answer to an order; if it is an effect, its request waits for it. */
export type Answer<O> = O | CallFailure | Effect.Effect<O | CallFailure>
export type OutcomeName = Outcome["outcome"]
export type Status = Decided["status"]

/** The same answer, this many times. */
export const times = <A>(count: number, answer: A): ReadonlyArray<A> => Array(count).fill(answer)

/** The answer, this many milliseconds later. */
export const after = <O>(ms: number, answer: O): Effect.Effect<O> =>
  Effect.delay(Effect.succeed(answer), ms)

type ByStep = Partial<Record<StepName, ReadonlyArray<Answer<OutcomeName>>>>

export interface Script {
  readonly reserve?: ByStep
  readonly cancel?: ByStep
  /**
   * The register's first answers. With "lost", the decision takes effect, and its answer is lost.
   */
  readonly register?: ReadonlyArray<"honest" | "lost" | Answer<Status>>
  /** The register's state at the start; pending if absent. */
  readonly status?: Status
  readonly redelivered?: boolean
  readonly republished?: number
  /** The steps that the order was accepted with; all if absent. */
  readonly steps?: ReadonlyArray<StepName>
  /** Two minutes if absent. */
  readonly deadlineMs?: number
}

/** The orders of a wave by name, in their order. */
export type Scripts = Readonly<Record<string, Script>>

export type Scripted = Effect.Success<ReturnType<typeof scripted>>

const deadlineMs = 120_000

export interface World {
  readonly rows?: ReadonlyArray<OrderStep>
  /** What an order waits for when it is acknowledged or buried. */
  readonly queue?: Effect.Effect<void>
  /** How far ahead of the test's clock the clock of orders seems, after this many decisions. */
  readonly ordersAheadMs?: (decisions: number) => number
  /** When orders last reported the time; always just now if absent. */
  readonly toldAtMs?: number
}

/** Makes the world of a wave of these orders. */
export const scripted = Effect.fnUntraced(
  function* (scripts: Scripts, world: World = {}) {
    const { rows = orderSaga, queue = Effect.void } = world
    const { ordersAheadMs = () => 0, toldAtMs = Infinity } = world
    const clock = yield* Clock.Clock
    const log = yield* makeLog
    const ends = new Map<string, string>()
    const scope = yield* Scope.make()
    const fibers = yield* Scope.provide(FiberSet.make<void>(), scope)
    // A closed set has no size.
    let working = 0
    const stop = Effect.andThen(
      Effect.forkDetach(Scope.close(scope, Exit.void)),
      TestClock.adjust(0),
    )
    yield* Effect.addFinalizer(() => stop)

    const { decide, decisions, statusOf } = makeRegister(scripts, log)
    const sagas: Sagas = {
      rows,
      deadlineMs,
      now: () => ({
        steadyMs: steadyMsOf(clock),
        ordersMs: clock.currentTimeMillisUnsafe() + ordersAheadMs(decisions.length),
        toldAtMs,
      }),
      send: makeSend(scripts, log),
      decide,
      ended: (runs) => {
        for (const run of runs) {
          ends.set(orderIdOf(run), run.end === "buried" ? `buried: ${run.cause}` : run.end!)
        }
        const notes = sagaEnds.flatMap((end) => {
          const these = runs.filter((run) => run.end === end)
          return these.length === 0 ? [] : [log.note(`${end}: ${names(these)}`)]
        })
        return Effect.andThen(Effect.all(notes), queue)
      },
      stuck: (runs, isStuck) =>
        runs.length === 0
          ? Effect.void
          : log.note(`${isStuck ? "stuck" : "no longer stuck"}: ${names(runs)}`),
      fork: (wave, goOn) => {
        const buried = Effect.catchCause(goOn, (cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
          const defect = Cause.squash(cause)
          for (const run of wave.runs) ends.set(orderIdOf(run), `defect: ${defect}`)
          return log.note(`defect: ${names(wave.runs)}`)
        })
        const counted = Effect.acquireUseRelease(
          Effect.sync(() => working++),
          () => buried,
          () => Effect.sync(() => working--),
        )
        return Effect.asVoid(FiberSet.run(fibers, counted))
      },
    }
    const runs = Object.entries(scripts).map(([name, script]) => runOf(name, script, sagas.now()))
    const wave: Wave = waveOf(runs, log.note("room"))
    const start = sagas.fork(wave, runWave(sagas, wave))
    return {
      sagas,
      wave,
      log: log.entries,
      decisions,
      statusOf,
      /** What was sent, in order: each request as a text, for example "reserve money: ann bob". */
      sent: () => log.entries.flatMap(({ orders, what }) => orders.length > 0 ? [what] : []),
      /** What was sent for one order, for example "reserve money". */
      sentOf: (order: string) => log.of(order).map(({ what }) => what),
      /** When a call was sent for an order. */
      sentAtMs: (order: string, call: string) =>
        log.of(order).flatMap(({ what, atMs }) => what === call ? [atMs] : []),
      /**
       * How the order's saga ended: completed, failed, unknown, buried or met by a defect, and why.
       */
      endOf: (order: string) => ends.get(order),
      /** How many fibers work on the wave. */
      working: () => working,
      /** Starts the wave, which goes on as the test moves the clock. */
      start,
      /** Runs the wave to its end; fails if it takes longer than an hour of the test's clock. */
      runToEnd: Effect.gen(function* () {
        yield* start
        yield* TestClock.adjust("1 hour")
        if (working > 0) {
          return yield* Effect.die(new Error(`The wave has not ended: ${log.entries.at(-1)?.what}`))
        }
      }),
      /** Tells the process to stop. */
      stop,
    }
  },
)

const names = (runs: ReadonlyArray<OrderRun>) => runs.map(orderIdOf).join(" ")

const runOf = (name: string, script: Script, now: Now): OrderRun =>
  orderRun({
    entryId: `entry of ${name}`,
    redelivered: script.redelivered ?? false,
    message: {
      orderId: name as OrderId,
      username: name,
      amountMinor: 1_999,
      details: { item: 7, slot: "10:00" },
      steps: script.steps ?? stepsInForce,
      createdAtMs: (script.deadlineMs ?? deadlineMs) - deadlineMs,
      republished: script.republished ?? 0,
    },
  }, now)

interface Call {
  readonly order: string
  readonly what: string
}

type Log = Effect.Success<typeof makeLog>

const makeLog = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const entries: Array<{ what: string; atMs: number; orders: ReadonlyArray<Call> }> = []
  const note = (what: string, orders: ReadonlyArray<Call> = []) =>
    Effect.sync(() => {
      entries.push({ what, atMs: clock.currentTimeMillisUnsafe(), orders })
    })
  return {
    entries,
    note,
    request: (calls: ReadonlyArray<Call>) => {
      const kinds = Map.groupBy(calls, ({ what }) => what)
      const words = [...kinds].map(([what, of]) =>
        `${what}: ${of.map(({ order }) => order).join(" ")}`
      )
      return note(words.join(", "), calls)
    },
    of: (order: string) =>
      entries.flatMap(({ orders, atMs }) =>
        orders.flatMap((call) => call.order === order ? [{ what: call.what, atMs }] : [])
      ),
  }
})

/** Answers all entries of a request at once, when the last answer is there. */
const answerAll = <I, A>(entries: ReadonlyArray<I>, answer: (entry: I) => Effect.Effect<A>) =>
  Effect.forEach(entries, answer, { concurrency: "unbounded" })

const given = <O>(answer: Answer<O>): Effect.Effect<O | CallFailure> =>
  Effect.isEffect(answer) && !(answer instanceof Error)
    ? answer as Effect.Effect<O | CallFailure>
    : Effect.succeed(answer as O | CallFailure)

const isFailure = (answer: unknown): answer is CallFailure => answer instanceof Error

const makeSend = (scripts: Scripts, log: Log): Sagas["send"] => {
  const left = new Map<string, Array<Answer<OutcomeName>>>()
  return (at, commands) => {
    const { step } = orderSaga.find((row) => row.at === at)!
    const calls = commands.map(({ orderId, action }) => ({
      order: orderId,
      what: `${action} ${step}`,
    }))
    return Effect.andThen(
      log.request(calls),
      answerAll(commands, ({ orderId, action }) => {
        const key = `${action} ${step} ${orderId}`
        const answers = left.get(key) ?? [...scripts[orderId]?.[action]?.[step] ?? []]
        left.set(key, answers)
        const answer = answers.shift() ?? (action === "reserve" ? "reserved" : "cancelled")
        return Effect.map(
          given(answer),
          (outcome) => isFailure(outcome) ? outcome : { orderId, outcome },
        )
      }),
    )
  }
}

const makeRegister = (scripts: Scripts, log: Log) => {
  const entries = Object.entries(scripts)
  const statuses = new Map<string, Status>(
    entries.map(([n, { status = "pending" }]) => [n, status]),
  )
  const left = new Map(entries.map(([name, { register = [] }]) => [name, [...register]]))
  const decisions: Array<Decision> = []
  const decide: Sagas["decide"] = (batch) =>
    Effect.andThen(
      log.request(batch.map(({ orderId, decision, stuck }) => ({
        order: orderId,
        what: stuck === undefined ? decision : "tell stuck",
      }))),
      answerAll(batch, (decision) => {
        const { orderId } = decision
        decisions.push(decision)
        const answer = left.get(orderId)?.shift() ?? "honest"
        if (answer !== "honest" && answer !== "lost") {
          return Effect.map(
            given(answer),
            (status) => isFailure(status) ? status : { orderId, status },
          )
        }
        const status = decided(statuses.get(orderId)!, decision.decision)
        statuses.set(orderId, status)
        return Effect.succeed(answer === "lost" ? unknown : { orderId, status })
      }),
    )
  return { decide, decisions, statusOf: (order: string) => statuses.get(order) }
}

/** The state after a decision: the first decision wins. */
const decided = (status: Status, decision: Decision["decision"]): Status => {
  if (status === "pending" && decision === "complete") return "completed"
  if (status === "pending" && decision === "abort") return "compensating"
  if (status === "compensating" && decision === "settle") return "failed"
  return status
}
