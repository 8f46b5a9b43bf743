/**
 * The order queue in the memory of one process, for a run without Redis. Consumers that share a stream share its
 * entries; what one of them has not acknowledged when it closes goes back to the front of the stream. Everything is gone
 * when the process ends, so whoever publishes must then publish again. Dead letters are logged, and the last thousand
 * can be looked at in the stream.
 */
import { Context, Effect, Latch, MutableList } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { logDeadLetter } from "./dead-letters.ts"
import { type DeadLetter, type Delivery, type OrderQueue, QueueUnavailable } from "./order-queue.ts"

const deadLettersKept = 1000

/** The entries of one process. */
export interface MemoryStream {
  readonly capacity: number
  readonly waiting: MutableList.MutableList<Delivery>
  readonly filled: Latch.Latch
  readonly deadLetters: Array<DeadLetter>
  unacknowledged: number
  entriesSoFar: number
}

/** Where `memory:` leads: to one stream in a process, unless a part of it is given a stream of its own. */
export const ProcessMemory = Context.Reference<MemoryStream>("unwind/queue/ProcessMemory", {
  defaultValue: () => makeMemoryStream(100_000),
})

/** An empty stream that takes up to so many entries, acknowledged ones not counted. */
export const makeMemoryStream = (capacity: number): MemoryStream => ({
  capacity,
  waiting: MutableList.make(),
  filled: Latch.makeUnsafe(),
  deadLetters: [],
  unacknowledged: 0,
  entriesSoFar: 0,
})

const publish = (stream: MemoryStream, messages: ReadonlyArray<OrderMessage>) =>
  Effect.suspend(() => {
    if (stream.unacknowledged + messages.length > stream.capacity) {
      return new QueueUnavailable({
        message: `The order queue in memory is full (${stream.capacity} entries): try again later`,
      })
    }
    stream.unacknowledged += messages.length
    for (const message of messages) {
      const entryId = String(++stream.entriesSoFar)
      MutableList.append(stream.waiting, { entryId, message, redelivered: false })
    }
    stream.filled.openUnsafe()
    return Effect.void
  })

/** Keeps the letter unless its order has one. Gives whether it did. */
const bury = ({ deadLetters }: MemoryStream, letter: DeadLetter): boolean => {
  const { orderId } = letter.delivery.message
  if (deadLetters.some(({ delivery }) => delivery.message.orderId === orderId)) return false
  deadLetters.push(letter)
  if (deadLetters.length > deadLettersKept) deadLetters.shift()
  return true
}

/** A consumer of the stream, and a way to publish to it. */
export const memoryOrderQueue = Effect.fnUntraced(function* (stream: MemoryStream) {
  const inHand = new Map<string, Delivery>()

  const take = (max: number): Effect.Effect<ReadonlyArray<Delivery>> =>
    Effect.suspend(() => {
      const taken = MutableList.takeN(stream.waiting, max)
      for (const delivery of taken) inHand.set(delivery.entryId, delivery)
      if (taken.length > 0) return Effect.succeed(taken)
      stream.filled.closeUnsafe()
      return Effect.andThen(stream.filled.await, take(max))
    })

  const acknowledge = (entryIds: ReadonlyArray<string>) =>
    Effect.sync(() => {
      for (const entryId of entryIds) {
        if (inHand.delete(entryId)) stream.unacknowledged--
      }
    })

  const deadLetter = Effect.fnUntraced(function* (letters: ReadonlyArray<DeadLetter>) {
    const written = letters.filter((letter) => bury(stream, letter))
    yield* acknowledge(letters.map(({ delivery }) => delivery.entryId))
    for (const { delivery: { entryId, message }, cause } of written) {
      yield* logDeadLetter(entryId, message.orderId, cause)
    }
  })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      const left = [...inHand.values()].map((delivery) => ({ ...delivery, redelivered: true }))
      MutableList.prependAll(stream.waiting, left)
      if (left.length > 0) stream.filled.openUnsafe()
    })
  )

  const queue: OrderQueue["Service"] = {
    publish: (messages) => publish(stream, messages),
    take,
    acknowledge,
    deadLetter,
    ping: Effect.void,
    volatile: true,
  }
  return queue
})
