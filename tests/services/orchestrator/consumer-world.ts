/** A consumer over a queue in memory, with sagas that end as a test tells them. Times are the test clock's. */
import { Deferred, Effect, Exit, Layer, References, Scope } from "effect"
import { consumerLayer } from "#services/orchestrator/consumer.ts"
import { SagaRunner } from "#services/orchestrator/saga-runner.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { makeMemoryStream, memoryOrderQueue } from "#shared/queue/memory.ts"
import { OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import type { SagaEnd } from "#shared/saga/run-saga.ts"

type Queue = OrderQueue["Service"]

interface Running {
  readonly message: OrderMessage
  readonly redelivered: boolean
  readonly end: (exit: Exit.Exit<SagaEnd>) => Effect.Effect<void>
}

export const drainMs = 4_000

export const world = Effect.gen(function* () {
  const stream = makeMemoryStream(1000)
  const publisher = yield* memoryOrderQueue(stream)
  /** Sagas in flight, and all that ever began. */
  const inFlight: Array<Running> = []
  const begun: Array<string> = []
  let most = 0
  const runner = SagaRunner.of({
    runToEnd: (message, redelivered) =>
      Effect.gen(function* () {
        const ended = yield* Deferred.make<SagaEnd>()
        const running: Running = {
          message,
          redelivered,
          end: (exit) => Effect.andThen(Deferred.done(ended, exit), settled),
        }
        inFlight.push(running)
        begun.push(message.orderId)
        most = Math.max(most, inFlight.length)
        return yield* Deferred.await(ended).pipe(
          Effect.ensuring(Effect.sync(() => inFlight.splice(inFlight.indexOf(running), 1))),
        )
      }),
  })
  /** A consumer; `disturb` makes its queue do as the test tells. */
  const start = (sagasInFlight = 100, disturb: (queue: Queue) => Queue = (queue) => queue) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer(() =>
        Effect.andThen(
          Effect.forEach([...inFlight], ({ end }) => end(Exit.succeed("completed"))),
          Scope.close(scope, Exit.void),
        )
      )
      const queue = disturb(yield* Scope.provide(memoryOrderQueue(stream), scope))
      yield* Layer.build(consumerLayer({ sagasInFlight, drainMs })).pipe(
        Scope.provide(scope),
        Effect.provideService(OrderQueue, queue),
        Effect.provideService(SagaRunner, runner),
        // What goes wrong on purpose is warned of.
        Effect.provideService(References.MinimumLogLevel, "None"),
      )
      yield* settled
      return { stop: Scope.close(scope, Exit.void) }
    })
  return {
    stream,
    inFlight,
    begun,
    start,
    most: () => most,
    publish: (orders: ReadonlyArray<OrderMessage>) =>
      Effect.andThen(publisher.publish(orders), settled),
    orders: () => inFlight.map(({ message }) => message.orderId),
  }
})

/** Lets all that can go on do so. */
export const settled = Effect.promise(async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
})

export const away = new QueueUnavailable({ message: "the queue is away" })
