/**
 * Who goes out with whom after a request failed: those that failed together, in smaller parts,
 * apart from all others.
 */
import { Effect, Random } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"

export interface OfOrder {
  readonly orderId: OrderId
}

/**
 * Orders that failed in one request: the how many-th that failed, and how many of them may go out
 * together.
 */
interface Group {
  readonly since: number
  readonly together: number
}

/** Remembers which orders were in a request that failed, until they are in one that does not. */
export const makeSuspects = () => {
  let failures = 0
  const groupOf = new Map<OrderId, Group>()
  const since = ({ orderId }: OfOrder) => groupOf.get(orderId)?.since ?? 0
  const among = <I extends OfOrder>(entries: ReadonlyArray<I>): ReadonlyArray<I> =>
    groupOf.size === 0 ? [] : entries.filter((entry) => since(entry) > 0)
  return {
    /** Those of the entries that failed. */
    among,
    add: (part: ReadonlyArray<OfOrder>, together: number) => {
      const group = { since: ++failures, together }
      for (const { orderId } of part) groupOf.set(orderId, group)
    },
    remove: (part: ReadonlyArray<OfOrder>) => {
      if (groupOf.size > 0) { for (const { orderId } of part) groupOf.delete(orderId) }
    },
    /**
     * What is new, and then those that failed, last those that failed last: so nobody waits behind
     * them for ever.
     */
    inTurn: Effect.fnUntraced(function* <I extends OfOrder>(entries: ReadonlyArray<I>) {
      const failed = among(entries)
      if (failed.length === 0) return entries
      const mixed = yield* Random.shuffle(failed)
      mixed.sort((a, b) => since(a) - since(b))
      return [...entries.filter((entry) => since(entry) === 0), ...mixed]
    }),
    /** Those that go out together next. */
    part: <I extends OfOrder>(turns: ReadonlyArray<I>, from: number): ReadonlyArray<I> => {
      if (groupOf.size === 0 && from === 0) return turns
      const group = groupOf.get(turns[from]!.orderId)
      const most = from + (group?.together ?? maxBatch)
      let end = from + 1
      while (end < turns.length && end < most && groupOf.get(turns[end]!.orderId) === group) end++
      return turns.slice(from, end)
    },
  }
}
