/**
 * Takes orders off the queue and runs them in waves. An order is acknowledged when it is final.
 * When the process is told to stop, it takes nothing new and waits for what is in flight. What does
 * not end in time stays pending on the queue, for the next consumer.
 */
import { Cause, Clock, Effect, FiberSet, Latch, Layer, Schedule, Semaphore } from "effect"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { failpoint } from "#shared/failpoint.ts"
import { PeerClocks } from "#shared/http/peer-clocks.ts"
import {
  type DeadLetter,
  type Delivery,
  OrderQueue,
  type QueueUnavailable,
} from "#shared/queue/order-queue.ts"
import { bury, orderIdOf, type OrderRun, orderRun } from "#shared/saga/order-run.ts"
import { runWave } from "#shared/saga/run-wave.ts"
import type { Sagas, Wave } from "#shared/saga/saga.ts"
import { letGo, waveOf } from "#shared/saga/wave.ts"
import { steadyMs, steadyMsOf } from "#shared/steady-time.ts"
import { Participants } from "./participants.ts"
import { DecisionClient } from "./decision-client.ts"
import { RunningSagas } from "./running-sagas.ts"
import { type Watched, watchSagas } from "./saga-watch.ts"
import { watchedCalls } from "./watched-calls.ts"

export interface ConsumerOptions {
  /** How long after its creation an undecided order is aborted. */
  readonly deadlineMs: number
  /** The most sagas in flight at once. */
  readonly sagasInFlight: number
  /** How long a stop waits for the sagas in flight. */
  readonly drainMs: number
}

/** While one wave waits for a service, the other one proceeds. More waves would only be smaller. */
const wavesInFlight = 2

/**
 * Under load, waves begin some time apart, so that they are large. A lone order does not wait, and
 * neither does the take after a full wave.
 */
const apartMs = (taken: number) => taken < maxBatch ? Math.min(taken >> 2, 80) : 0

const untilTheQueueAnswers = Schedule.min([
  Schedule.exponential("100 millis"),
  Schedule.spaced("2 seconds"),
])

/** Consumes until the scope closes. */
export const consumerLayer = (options: ConsumerOptions) =>
  Layer.effectDiscard(consume(options)).pipe(Layer.provideMerge(RunningSagas.layer))

const consume = (options: ConsumerOptions) =>
  Effect.gen(function* () {
    const { take } = yield* OrderQueue
    const waves = yield* makeWaves(options)
    const places = yield* Semaphore.make(wavesInFlight)
    yield* Effect.gen(function* () {
      yield* waves.room
      yield* places.take(1)
      // However the wave ends, its place is released exactly once.
      const makeRoom = yield* Effect.cached(places.release(1))
      yield* Effect.gen(function* () {
        const deliveries = yield* take(Math.min(maxBatch, waves.left()))
        const startedAtMs = yield* steadyMs
        yield* failpoint("orchestrator.taken")
        yield* waves.start(deliveries, makeRoom)
        const left = startedAtMs + apartMs(deliveries.length) - (yield* steadyMs)
        if (left > 0) yield* Effect.sleep(left)
      }).pipe(Effect.onError(() => makeRoom))
    }).pipe(
      Effect.tapError((error) => Effect.logWarning(`No orders can be taken: ${error.message}`)),
      whateverFails,
      Effect.forever,
      Effect.forkScoped,
    )
  })

/** What runs the waves, and knows which orders are in flight. */
const makeWaves = Effect.fnUntraced(
  function* ({ deadlineMs, sagasInFlight, drainMs }: ConsumerOptions) {
    const queue = yield* OrderQueue
    const watched = yield* watchSagas
    const { send, decide } = yield* watchedCalls({
      send: (yield* Participants).send,
      decide: (yield* DecisionClient).decide,
    })
    const clock = yield* Clock.Clock
    const clocks = yield* PeerClocks
    const { inFlight } = yield* RunningSagas
    const room = yield* Latch.make(true)
    const fibers = yield* FiberSet.make<void, never>()
    yield* Effect.addFinalizer(() => Effect.timeoutOption(FiberSet.awaitEmpty(fibers), drainMs))

    const gone = (runs: ReadonlyArray<OrderRun>) =>
      Effect.suspend(() => {
        for (const run of runs) inFlight.delete(orderIdOf(run))
        if (inFlight.size < sagasInFlight) room.openUnsafe()
        return watched.running(inFlight.size)
      })
    const sagas: Sagas = {
      rows: orderSaga,
      deadlineMs,
      now: () => {
        const { nowMs, heardAtMs } = clocks.timeOf("orders", clock)
        return { steadyMs: steadyMsOf(clock), ordersMs: nowMs, toldAtMs: heardAtMs }
      },
      send,
      decide,
      ended: (runs) => Effect.ensuring(tellEnds(queue, watched, runs), gone(runs)),
      stuck: watched.stuck,
      fork: (wave, goOn) => Effect.asVoid(FiberSet.run(fibers, buryWithDefect(sagas, wave, goOn))),
    }
    return {
      /** Waits until there is room for more orders in flight. */
      room: room.await,
      left: () => sagasInFlight - inFlight.size,
      start: Effect.fnUntraced(
        function* (deliveries: ReadonlyArray<Delivery>, makeRoom: Effect.Effect<void>) {
          const fresh: Array<OrderRun> = []
          const doubles: Array<string> = []
          const now = sagas.now()
          for (const delivery of deliveries) {
            const { entryId, message: { orderId } } = delivery
            const working = inFlight.get(orderId)
            if (working === undefined) {
              const run = orderRun(delivery, now)
              inFlight.set(orderId, run)
              fresh.push(run)
            } else if (working.delivery.entryId !== entryId) {
              // A duplicate of an order in flight. The entry of the running one keeps the order
              // safe, so this entry can go.
              doubles.push(entryId)
            }
          }
          if (inFlight.size >= sagasInFlight) room.closeUnsafe()
          if (doubles.length > 0) {
            yield* FiberSet.run(fibers, untilTaken(queue.acknowledge(doubles)))
          }
          const wave = waveOf(fresh, makeRoom)
          const run = Effect.andThen(watched.begun(fresh, inFlight.size), runWave(sagas, wave))
          yield* sagas.fork(wave, Effect.ensuring(run, makeRoom))
        },
      ),
    }
  },
)

/**
 * Reports ends to metrics and log, and to the queue: a final order is acknowledged, one that only a
 * person can help becomes a dead letter.
 */
const tellEnds = Effect.fnUntraced(
  function* (
    { acknowledge, deadLetter }: OrderQueue["Service"],
    watched: Watched,
    runs: ReadonlyArray<OrderRun>,
  ) {
    yield* watched.ended(runs)
    const final: Array<string> = []
    const letters: Array<DeadLetter> = []
    for (const { delivery, end, cause } of runs) {
      if (end === "completed" || end === "failed") final.push(delivery.entryId)
      else letters.push({ delivery, cause: cause || "The orders service does not know this order" })
    }
    if (final.length > 0) {
      yield* failpoint("orchestrator.before acknowledge")
      yield* untilTaken(acknowledge(final))
    }
    if (letters.length > 0) yield* untilTaken(deadLetter(letters))
  },
)

/**
 * A defect would only recur, so a person has to look at it. The sweeper ensures meanwhile that no
 * order stays undecided.
 */
const buryWithDefect = (sagas: Sagas, wave: Wave, goOn: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchCause(goOn, (cause) =>
    Effect.gen(function* () {
      if (Cause.hasInterruptsOnly(cause)) return yield* Effect.interrupt
      yield* Effect.logError("A wave met a defect", cause)
      for (const run of wave.runs) if (run.end === undefined) bury(run, Cause.pretty(cause))
      yield* letGo(sagas, wave)
    }))

const untilTaken = (tell: Effect.Effect<void, QueueUnavailable>): Effect.Effect<void> =>
  tell.pipe(whateverFails, Effect.orDie)

/**
 * Retries for ever, defects too: an entry that was taken and then dropped would reach no consumer
 * before a restart.
 */
const whateverFails = <A>(effect: Effect.Effect<A, QueueUnavailable>) =>
  effect.pipe(
    Effect.tapDefect((defect) => Effect.logError("The consumer met a defect", Cause.die(defect))),
    Effect.sandbox,
    Effect.retry(untilTheQueueAnswers),
  )
