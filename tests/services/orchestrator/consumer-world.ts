/**
 * A consumer over a queue in memory, with scripted participants and a scripted register. Times are
 * those of the test's clock.
 */
import { Effect, Exit, Layer, Logger, Metric, References, Scope } from "effect"
import { TestClock } from "effect/testing"
import { consumerLayer } from "#services/orchestrator/consumer.ts"
import { Participants } from "#services/orchestrator/participants.ts"
import { DecisionClient } from "#services/orchestrator/decision-client.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { makeMemoryStream } from "#shared/queue/memory-stream.ts"
import { memoryOrderQueue } from "#shared/queue/memory.ts"
import { OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { type RequestKind, scriptedCallees } from "./scripted-callees.ts"

type Queue = OrderQueue["Service"]

export interface LogLine {
  readonly level: string
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
}

export const drainMs = 4_000
export const deadlineMs = 120_000

export const world = Effect.gen(function* () {
  const stream = makeMemoryStream(10_000)
  const publisher = yield* memoryOrderQueue(stream)
  const callees = scriptedCallees()
  const logs: Array<LogLine> = []
  const inHand = { orders: new Map<string, OrderId>(), most: 0 }
  /**
   * Starts a consumer. `disturb` changes its queue, and `participants` replaces the scripted
   * participants.
   */
  const start = (
    sagasInFlight = 2_000,
    disturb: (queue: Queue) => Queue = (queue) => queue,
    participants = Layer.succeed(Participants, callees),
  ) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer(() =>
        Effect.suspend(() => {
          callees.holds.clear()
          return Effect.all([
            Effect.forEach([...callees.held], ({ answer }) => answer),
            Effect.forkChild(Scope.close(scope, Exit.void)),
            settled,
            TestClock.adjust(drainMs),
          ])
        })
      )
      const queue = disturb(yield* Scope.provide(memoryOrderQueue(stream), scope))
      yield* consumerLayer({ sagasInFlight, drainMs, deadlineMs }).pipe(
        Layer.provide(participants),
        Layer.build,
        Scope.provide(scope),
        Effect.provideService(OrderQueue, watchedQueue(queue, inHand)),
        Effect.provideService(DecisionClient, callees),
      )
      yield* settled
      return { stop: Scope.close(scope, Exit.void) }
    }).pipe(
      Effect.provide(Logger.layer([
        Logger.make(({ message, logLevel, fiber }) => {
          const annotations = fiber.getRef(References.CurrentLogAnnotations)
          logs.push({ level: logLevel, message, annotations })
        }),
      ])),
    )
  return Object.assign(callees, {
    stream,
    start,
    logs,
    /** The most orders that consumers had in hand at the same time. */
    mostInHand: () => inHand.most,
    publish: (orders: ReadonlyArray<OrderMessage>) =>
      Effect.andThen(publisher.publish(orders), settled),
    /** Answers all requests of a kind, those that are held and those that follow. */
    release: (kind: RequestKind) =>
      Effect.suspend(() => {
        callees.holds.delete(kind)
        const held = callees.held.filter((one) => one.kind === kind)
        return Effect.andThen(Effect.forEach(held, ({ answer }) => answer), settled)
      }),
    /** The size of each request of a kind, in orders. */
    sizes: (kind: RequestKind) =>
      callees.asked.filter((one) => one.kind === kind).map(({ orderIds }) => orderIds.length),
    /** The orders of each wave that began, in sequence. */
    begun: () =>
      callees.asked.filter(({ kind }) => kind === "reserve billing")
        .map(({ orderIds }) => orderIds),
    letters: () =>
      stream.deadLetters.map(({ delivery, cause }) =>
        [delivery.message.orderId, cause.split("\n")[0]] as const
      ),
  })
})

/** The queue, recording the orders in hand, each by the first of its entries. */
const watchedQueue = (
  queue: Queue,
  inHand: { readonly orders: Map<string, OrderId>; most: number },
): Queue => {
  const settle = (entryIds: ReadonlyArray<string>) =>
    Effect.sync(() => entryIds.forEach((id) => inHand.orders.delete(id)))
  return {
    ...queue,
    take: (max) =>
      Effect.tap(queue.take(max), (deliveries) =>
        Effect.sync(() => {
          for (const { entryId, message: { orderId } } of deliveries) {
            if (![...inHand.orders.values()].includes(orderId)) inHand.orders.set(entryId, orderId)
          }
          inHand.most = Math.max(inHand.most, inHand.orders.size)
        })),
    acknowledge: (ids) => Effect.andThen(queue.acknowledge(ids), settle(ids)),
    deadLetter: (letters) =>
      Effect.andThen(
        queue.deadLetter(letters),
        settle(letters.map(({ delivery }) => delivery.entryId)),
      ),
  }
}

/** Lets everything that is ready run. */
export const settled = Effect.promise(async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
})

/** Lets time pass, and everything run that is ready then. */
export const pass = (ms: number) => Effect.andThen(TestClock.adjust(ms), settled)

export const queueUnavailable = new QueueUnavailable({ message: "the queue is unavailable" })

/** The metric of the sagas in flight. */
export const runningSagas = Effect.map(
  Metric.snapshot,
  (all) => all.find(({ id }) => id === "sagas_running")?.state as { value: number } | undefined,
)
