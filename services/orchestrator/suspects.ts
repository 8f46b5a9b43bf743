/**
 * Which entries are sent together after a request failed: those that failed together, in smaller
 * parts, apart from all others.
 */
import { Effect, Random } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"

export interface OfOrder {
  readonly orderId: OrderId
}

/**
 * Orders that failed in one request: the number of that failure, and how many of the orders may be
 * sent together.
 */
interface Group {
  readonly since: number
  readonly together: number
}

/** Remembers which orders were in a failed request, until they are in a successful one. */
export const makeSuspects = () => {
  let failures = 0
  const groupOf = new Map<OrderId, Group>()
  const since = ({ orderId }: OfOrder) => groupOf.get(orderId)?.since ?? 0
  const among = <I extends OfOrder>(entries: ReadonlyArray<I>): ReadonlyArray<I> =>
    groupOf.size === 0 ? [] : entries.filter((entry) => since(entry) > 0)
  return {
    /** The entries that failed before. */
    among,
    add: (part: ReadonlyArray<OfOrder>, together: number) => {
      const group = { since: ++failures, together }
      for (const { orderId } of part) groupOf.set(orderId, group)
    },
    remove: (part: ReadonlyArray<OfOrder>) => {
      if (groupOf.size > 0) { for (const { orderId } of part) groupOf.delete(orderId) }
    },
    /**
     * New entries first, then those that failed, the latest failure last, so that no entry waits
     * behind them for ever.
     */
    inTurn: Effect.fnUntraced(function* <I extends OfOrder>(entries: ReadonlyArray<I>) {
      const failed = among(entries)
      if (failed.length === 0) return entries
      const mixed = yield* Random.shuffle(failed)
      mixed.sort((a, b) => since(a) - since(b))
      return [...entries.filter((entry) => since(entry) === 0), ...mixed]
    }),
    /** The entries to send together next. */
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
