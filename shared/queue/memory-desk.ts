/** The desk of the order queue in memory. */
import { Clock, Effect, MutableList } from "effect"
import type { DeadLetterView, QueueState } from "#shared/contracts/queue.ts"
import { encodeEntry } from "./entry.ts"
import { addTo, type MemoryLetter, type MemoryStream } from "./memory-stream.ts"
import { asNewMessage, type QueueDesk } from "./queue-desk.ts"

/** When the entry with this id was added, in milliseconds since the epoch. */
const msOf = (id: string): number => Number(id.split("-", 1)[0])

export const memoryDesk = (stream: MemoryStream): QueueDesk["Service"] => {
  const { deadLetters, failures } = stream
  const remove = (id: string): MemoryLetter | undefined => {
    const at = deadLetters.findIndex((letter) => letter.id === id)
    return at < 0 ? undefined : deadLetters.splice(at, 1)[0]
  }
  const viewOf = ({ id, delivery: { message }, cause }: MemoryLetter, nowMs: number) => ({
    id,
    orderId: message.orderId,
    cause,
    count: failures.get(message.orderId) ?? 1,
    buriedAt: new Date(msOf(id)).toISOString(),
    ageMs: nowMs - msOf(id),
    payload: encodeEntry(message),
    unreadable: null,
  } satisfies DeadLetterView)
  return {
    state: Effect.map(Clock.currentTimeMillis, (nowMs) => stateOf(stream, nowMs)),
    letters: ({ after, limit, orderId }) =>
      Effect.map(Clock.currentTimeMillis, (nowMs) => {
        const from = deadLetters.findIndex(({ id }) => isBehind(id, after))
        return (from < 0 ? [] : deadLetters.slice(from))
          .filter(({ delivery: { message } }) =>
            orderId === undefined || message.orderId === orderId
          )
          .slice(0, limit)
          .map((letter) => viewOf(letter, nowMs))
      }),
    redrive: (ids) =>
      Effect.map(Clock.currentTimeMillis, (nowMs) =>
        [...new Set(ids)].map((letter) => {
          const found = remove(letter)
          if (found === undefined) return { letter, outcome: "absent" as const }
          // It was in this process already, so the capacity does not apply.
          addTo(stream, [asNewMessage(found.delivery.message)], nowMs)
          return { letter, outcome: "redriven" as const }
        })),
    discard: (ids) =>
      Effect.sync(() =>
        [...new Set(ids)].filter((id) => {
          const found = remove(id)
          if (found !== undefined) failures.delete(found.delivery.message.orderId)
          return found !== undefined
        })
      ),
    wipe: Effect.sync(() => {
      const { waiting, deadLetters, failures } = stream
      const lost = { entries: stream.unacknowledged, deadLetters: deadLetters.length }
      // Entries in hand are counted until their consumer acknowledges them.
      stream.unacknowledged -= waiting.length
      MutableList.clear(waiting)
      deadLetters.length = 0
      failures.clear()
      return lost
    }),
  }
}

const isBehind = (id: string, after: string | undefined): boolean => {
  if (after === undefined) return true
  const [ms = 0, n = 0] = after.split("-").map(Number)
  const [ownMs = 0, ownN = 0] = id.split("-").map(Number)
  return ownMs > ms || (ownMs === ms && ownN > n)
}

const stateOf = (stream: MemoryStream, nowMs: number): QueueState => {
  const { waiting: { head, length }, taken, deadLetters } = stream
  const first = head?.array[head.offset]?.entryId
  const ages = [...taken, ...(first === undefined ? [] : [first])].map((id) => nowMs - msOf(id))
  return {
    length: stream.unacknowledged,
    lag: length,
    inFlight: taken.size,
    ageMs: Math.max(0, ...ages),
    lagMs: first === undefined ? 0 : Math.max(0, nowMs - msOf(first)),
    deadLetters: deadLetters.length,
    consumers: [{ name: "memory", inFlight: taken.size, idleMs: 0 }],
  }
}
