/**
 * The order queue in the memory of one process, for a run without Redis. Consumers that share a
 * stream share its entries; what a consumer has not acknowledged when it closes returns to the
 * front of the stream. Everything is lost when the process ends, so publishers must publish again.
 * Dead letters are logged, and the stream keeps the last thousand.
 */
import { Clock, Effect, MutableList } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { logDeadLetter } from "./dead-letters.ts"
import { memoryDesk } from "./memory-desk.ts"
import { addTo, bury, type MemoryStream } from "./memory-stream.ts"
import { type DeadLetter, type Delivery, QueueUnavailable } from "./order-queue.ts"
import { noReplicas } from "./replicas.ts"
import type { QueueParts } from "./streams.ts"

const publish = (stream: MemoryStream, messages: ReadonlyArray<OrderMessage>) =>
  Effect.clockWith((clock) => {
    if (stream.unacknowledged + messages.length > stream.capacity) {
      return new QueueUnavailable({
        message: `The order queue in memory is full (${stream.capacity} entries): try again later`,
      })
    }
    return Effect.sync(() => addTo(stream, messages, clock.currentTimeMillisUnsafe()))
  })

/** A consumer of the stream, and a way to publish to it. */
export const memoryOrderQueue = Effect.fnUntraced(function* (stream: MemoryStream) {
  const inHand = new Map<string, Delivery>()

  const take = (max: number): Effect.Effect<ReadonlyArray<Delivery>> =>
    Effect.suspend(() => {
      const taken = MutableList.takeN(stream.waiting, max)
      for (const delivery of taken) {
        inHand.set(delivery.entryId, delivery)
        stream.taken.add(delivery.entryId)
      }
      if (taken.length > 0) return Effect.succeed(taken)
      stream.filled.closeUnsafe()
      return Effect.andThen(stream.filled.await, take(max))
    })

  const acknowledge = (entryIds: ReadonlyArray<string>) =>
    Effect.sync(() => {
      for (const entryId of entryIds) {
        if (!inHand.delete(entryId)) continue
        stream.taken.delete(entryId)
        stream.unacknowledged--
      }
    })

  const deadLetter = Effect.fnUntraced(function* (letters: ReadonlyArray<DeadLetter>) {
    const nowMs = yield* Clock.currentTimeMillis
    const written = letters.filter((letter) =>
      inHand.has(letter.delivery.entryId) && bury(stream, letter, nowMs)
    )
    yield* acknowledge(letters.map(({ delivery }) => delivery.entryId))
    for (const { delivery: { entryId, message }, cause } of written) {
      yield* logDeadLetter(entryId, message.orderId, cause)
    }
  })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      const left = [...inHand.values()].map((delivery) => ({ ...delivery, redelivered: true }))
      for (const { entryId } of left) stream.taken.delete(entryId)
      MutableList.prependAll(stream.waiting, left)
      if (left.length > 0) stream.filled.openUnsafe()
    })
  )

  const queue: QueueParts = {
    publish: (messages) => publish(stream, messages),
    take,
    acknowledge,
    deadLetter,
    ping: Effect.void,
    volatile: true,
    ...memoryDesk(stream),
    replicas: noReplicas,
  }
  return queue
})
