/**
 * Takes orders off the queue and runs their sagas, many at a time: those that are begun together share each of their
 * requests, so while they are under way the next ones gather in the queue. An order is acknowledged when it is final. When
 * the process is told to stop it takes nothing new and waits for what is in flight; what does not end in time stays pending
 * on the queue, for whoever takes it next.
 */
import { Cause, Effect, FiberSet, Latch, Layer, Metric, Schedule } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { failpoint } from "#shared/failpoint.ts"
import {
  type DeadLetter,
  type Delivery,
  OrderQueue,
  type QueueUnavailable,
} from "#shared/queue/order-queue.ts"
import { SagaRunner } from "./saga-runner.ts"

export interface ConsumerOptions {
  /** The most sagas in flight at once. */
  readonly sagasInFlight: number
  /** How long a stop waits for them. */
  readonly drainMs: number
}

/** Sagas may be stuck, so the next ones do not gather for longer. */
const gatherAtMost = "150 millis"
/**
 * Of more than these, half need to be through: those that are undone take twice as long, and share their requests with the
 * next ones. A request costs as much for one of a few as for all of them, so the next ones wait for the last.
 */
const few = 50

const running = Metric.gauge("sagas_running", { description: "Sagas in flight" })

const again = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")])

/** Consumes until the scope closes. */
export const consumerLayer = ({ sagasInFlight, drainMs }: ConsumerOptions) =>
  Layer.effectDiscard(Effect.gen(function* () {
    const queue = yield* OrderQueue
    const { runToEnd } = yield* SagaRunner
    const acknowledge = yield* telling<string>(queue.acknowledge)
    const deadLetter = yield* telling<DeadLetter>(queue.deadLetter)
    const inFlight = new Map<string, string>()
    const room = yield* Latch.make(true)
    /** It opens when no more than these are in flight. */
    let roomAt = 0
    const fibers = yield* FiberSet.make<void, never>()
    yield* Effect.addFinalizer(() => Effect.timeoutOption(FiberSet.awaitEmpty(fibers), drainMs))

    const work = (delivery: Delivery) =>
      runToEnd(delivery.message, delivery.redelivered).pipe(
        Effect.matchCauseEffect({
          onSuccess: (end) =>
            end === "unknown"
              ? deadLetter({ delivery, cause: "The orders service does not know this order" })
              : Effect.andThen(
                failpoint("orchestrator.before acknowledge"),
                acknowledge(delivery.entryId),
              ),
          // Stopped: the entry stays pending. A defect would only come back: a person has to look at it, while the
          // sweeper sees to it that the order does not stay undecided.
          onFailure: (cause) =>
            Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.andThen(
              Effect.logError("A saga met a defect", { orderId: delivery.message.orderId }, cause),
              deadLetter({ delivery, cause: Cause.pretty(cause) }),
            ),
        }),
        Effect.ensuring(Effect.suspend(() => {
          inFlight.delete(delivery.message.orderId)
          if (inFlight.size <= roomAt) room.openUnsafe()
          return Metric.update(running, inFlight.size)
        })),
      )

    const start = (delivery: Delivery) => {
      const { entryId, message: { orderId } } = delivery
      const working = inFlight.get(orderId)
      // The same order once more: the run in flight will do. Its own entry keeps it safe, so this one can go.
      if (working !== undefined) {
        return FiberSet.run(fibers, working === entryId ? Effect.void : acknowledge(entryId))
      }
      inFlight.set(orderId, entryId)
      return FiberSet.run(fibers, work(delivery))
    }

    const untilInFlight = (most: number) =>
      Effect.suspend(() => {
        if (inFlight.size <= most) return Effect.void
        roomAt = most
        room.closeUnsafe()
        return room.await
      })

    // Where there is a backlog, two full takes are in flight: while one waits for a service, the other one is worked on.
    const full = Math.min(maxBatch, Math.ceil(sagasInFlight / 2))
    yield* Effect.gen(function* () {
      yield* untilInFlight(sagasInFlight - 1)
      const before = inFlight.size
      const deliveries = yield* queue.take(Math.min(full, sagasInFlight - before))
      yield* failpoint("orchestrator.taken")
      yield* Effect.forEach(deliveries, start, { discard: true })
      yield* Metric.update(running, inFlight.size)
      const taken = deliveries.length
      const left = taken > few ? Math.floor(taken / 2) : 0
      yield* Effect.timeoutOption(
        untilInFlight(taken === full ? sagasInFlight - full : before + left),
        gatherAtMost,
      )
    }).pipe(
      Effect.tapError((error) => Effect.logWarning(`No orders can be taken: ${error.message}`)),
      Effect.tapDefect((defect) => Effect.logError("The consumer met a defect", Cause.die(defect))),
      Effect.sandbox,
      Effect.retry(again),
      Effect.forever,
      Effect.forkScoped,
    )
  }))

/** Tells the queue of entries, those of all sagas together, and again until it has taken them. */
const telling = <A>(
  tell: (entries: ReadonlyArray<A>) => Effect.Effect<void, QueueUnavailable>,
) =>
  Effect.map(
    groupCommit<A, void, QueueUnavailable>({
      max: maxBatch,
      run: (entries) => Effect.as(tell(entries), entries.map(() => undefined)),
    }),
    // Repeated by who waits for it and not by the batch, which a stop could not cut short. The schedule is made where the
    // first try failed, so that hardly any saga has one.
    (send) => (entry: A) =>
      Effect.catch(send(entry), () => Effect.orDie(Effect.retry(send(entry), again))),
  )
