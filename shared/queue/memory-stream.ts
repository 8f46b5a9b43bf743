/** The stream of one process, which its consumers share. */
import { Context, Latch, MutableList } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { DeadLetter, Delivery } from "./order-queue.ts"

const deadLettersKept = 1000

/**
 * A letter in memory. Its id begins with the time at which it was written, in milliseconds since
 * the epoch.
 */
export interface MemoryLetter extends DeadLetter {
  readonly id: string
}

export interface MemoryStream {
  readonly capacity: number
  readonly waiting: MutableList.MutableList<Delivery>
  readonly filled: Latch.Latch
  readonly deadLetters: Array<MemoryLetter>
  /** The number of failures by order, for the orders that failed last. */
  readonly failures: Map<string, number>
  /**
   * The ids of the entries in a consumer's hands. Each begins with the time, in milliseconds since
   * the epoch.
   */
  readonly taken: Set<string>
  unacknowledged: number
  entriesSoFar: number
}

/** The stream behind `memory:`: one per process, unless a part of it is given its own. */
export const ProcessMemory = Context.Reference<MemoryStream>("unwind/queue/ProcessMemory", {
  defaultValue: () => makeMemoryStream(100_000),
})

/** An empty stream for up to `capacity` unacknowledged entries. */
export const makeMemoryStream = (capacity: number): MemoryStream => ({
  capacity,
  waiting: MutableList.make(),
  filled: Latch.makeUnsafe(),
  deadLetters: [],
  failures: new Map(),
  taken: new Set(),
  unacknowledged: 0,
  entriesSoFar: 0,
})

/** Puts the messages at the end of the stream. */
export const addTo = (
  stream: MemoryStream,
  messages: ReadonlyArray<OrderMessage>,
  nowMs: number,
): void => {
  stream.unacknowledged += messages.length
  for (const message of messages) {
    const entryId = `${nowMs}-${++stream.entriesSoFar}`
    MutableList.append(stream.waiting, { entryId, message, redelivered: false })
  }
  stream.filled.openUnsafe()
}

/** Keeps the letter unless its order has one; returns whether it was kept. */
export const bury = (stream: MemoryStream, letter: DeadLetter, nowMs: number): boolean => {
  const { deadLetters, failures } = stream
  const { orderId } = letter.delivery.message
  const count = failures.get(orderId) ?? 0
  failures.delete(orderId)
  failures.set(orderId, count + 1)
  if (failures.size > deadLettersKept) failures.delete(failures.keys().next().value!)
  if (deadLetters.some(({ delivery }) => delivery.message.orderId === orderId)) return false
  deadLetters.push({ ...letter, id: `${nowMs}-${++stream.entriesSoFar}` })
  if (deadLetters.length > deadLettersKept) deadLetters.shift()
  return true
}
