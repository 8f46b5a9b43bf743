/**
 * Sends what the orders of a wave ask of one service in one request, and retries until each order
 * has its answer.
 */
import { Clock, Effect, Schedule } from "effect"
import { type CallFailure, Refused } from "#shared/http/client.ts"
import type { Transient } from "#shared/transient.ts"
import { steadyMsOf } from "#shared/steady-time.ts"
import { type Answered, bury, type OrderRun, type Request } from "./order-run.ts"
import { isFailure } from "./retry.ts"
import type { Answers, Sagas, Wave } from "./saga.ts"
import { waitFor } from "./wait.ts"
import { leaveBehind } from "./wave.ts"

export interface Question<O> {
  /** What is asked, to be shown while an order waits for the answer. */
  readonly request: Request
  readonly send: (runs: ReadonlyArray<OrderRun>) => Effect.Effect<Answers<O>>
  readonly answer: (run: OrderRun, answer: O, answered: Answered) => void
  /** How the orders that do not wait for this answer go on. */
  readonly others: (part: Wave) => Effect.Effect<void>
  readonly again: Schedule.Schedule<unknown, Transient>
  /** Called before each retry: returns the waiting orders that stop asking. */
  readonly giveUp?: (
    waiting: ReadonlyArray<OrderRun>,
  ) => Effect.Effect<ReadonlyArray<OrderRun>>
  /** Called after each failure, with the time of the next request by the wall clock. */
  readonly failed?: (runs: ReadonlyArray<OrderRun>, nextAtMs: number) => Effect.Effect<void>
}

/** Returns when no order of `asking` waits any more: each has its answer, is buried, or gave up. */
export const untilAnswered = <O>(
  sagas: Sagas,
  wave: Wave,
  asking: ReadonlyArray<OrderRun>,
  question: Question<O>,
): Effect.Effect<void> =>
  Effect.clockWith((clock) => {
    const startedAtMs = steadyMsOf(clock)
    for (const run of asking) {
      run.request = question.request
      run.attempts = 0
      run.startedAtMs = startedAtMs
      run.failure = ""
    }
    return askOn(sagas, wave, asking, question)
  })

type Pause = Effect.Success<
  ReturnType<typeof Schedule.toStep<unknown, Transient, never, never>>
>

const askOn = Effect.fnUntraced(
  function* <O>(
    sagas: Sagas,
    wave: Wave,
    asking: ReadonlyArray<OrderRun>,
    question: Question<O>,
  ): Effect.fn.Return<void> {
    const { send, answer, others, again, failed } = question
    const clock = yield* Clock.Clock
    let waiting = asking
    let pause: Pause | undefined
    while (waiting.length > 0) {
      for (const run of waiting) run.attempts++
      const failure = { latest: undefined as Transient | undefined }
      const answers = yield* send(waiting)
      waiting = sort(waiting, answers, answer, failure, answeredBy(clock))
      if (failure.latest === undefined) return
      yield* wave.makeRoom
      yield* leaveBehind(sagas, wave, waiting, others)
      pause ??= yield* Schedule.toStep(again)
      // The schedules never end.
      const [, wait] = yield* Effect.orDie(pause(steadyMsOf(clock), failure.latest))
      const waited = yield* waitFor(
        waiting,
        wait,
        (nextAtMs) => failed?.(waiting, nextAtMs) ?? Effect.void,
        (woken, rest) => goOnWith(sagas, wave, woken, rest, question),
      )
      // A retry by an operator suggests that something was fixed, so the backoff starts anew.
      if (!waited.isOver) pause = undefined
      waiting = yield* withoutGone(sagas, wave, waited.waiting, question)
    }
  },
)

/** The woken orders try now, as a wave of their own; the rest waits on. */
const goOnWith = <O>(
  sagas: Sagas,
  wave: Wave,
  woken: ReadonlyArray<OrderRun>,
  rest: ReadonlyArray<OrderRun>,
  question: Question<O>,
): Effect.Effect<void> =>
  leaveBehind(sagas, wave, rest, (part) =>
    withoutGone(sagas, part, woken, question).pipe(
      Effect.flatMap((left) => askOn(sagas, part, left, question)),
      Effect.andThen(Effect.suspend(() => question.others(part))),
    ))

/** The orders that still ask; those that give up go on like the others. */
const withoutGone = Effect.fnUntraced(function* <O>(
  sagas: Sagas,
  wave: Wave,
  waiting: ReadonlyArray<OrderRun>,
  { giveUp, others }: Question<O>,
): Effect.fn.Return<ReadonlyArray<OrderRun>> {
  if (giveUp === undefined) return waiting
  const gone = new Set(yield* giveUp(waiting))
  if (gone.size === 0) return waiting
  const left = waiting.filter((run) => !gone.has(run))
  if (left.length > 0) yield* leaveBehind(sagas, wave, left, others)
  return left
})

const answeredBy = (clock: Clock.Clock): Answered => ({
  atMs: clock.currentTimeMillisUnsafe(),
  steadyMs: steadyMsOf(clock),
})

/** Hands out the answers; returns the orders that have none yet. */
const sort = <O>(
  runs: ReadonlyArray<OrderRun>,
  answers: Answers<O>,
  answer: Question<O>["answer"],
  failure: { latest: Transient | undefined },
  now: Answered,
): ReadonlyArray<OrderRun> => {
  const waiting: Array<OrderRun> = []
  for (const [n, run] of runs.entries()) {
    const given = answers[n] as O | CallFailure
    if (!isFailure(given)) {
      answer(run, given, now)
    } else if (given instanceof Refused) {
      bury(run, given.message)
    } else {
      failure.latest = given
      run.failure = given.message
      waiting.push(run)
    }
  }
  return waiting
}
