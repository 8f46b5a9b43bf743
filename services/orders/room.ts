/**
 * Whether there is room for one more order of a user, by what this replica knows. Rules and numbers
 * only.
 */
import { Problem } from "#shared/http/problem.ts"
import { makeOrderRate } from "./order-rate.ts"
import type { UnfinishedCount } from "./order-table.ts"
import { makeUnfinished } from "./unfinished.ts"

export interface RoomOptions {
  /** The most unfinished orders, in all replicas together. */
  readonly most: number
  /** The most of them that a user may have, and the most orders of a user that may come at once. */
  readonly mostOfUser: number
  /** The orders per second that a user may place over time. */
  readonly perSecond: number
}

export const makeRoom = ({ most, mostOfUser, perSecond }: RoomOptions) => {
  const unfinished = makeUnfinished(most)
  const rate = makeOrderRate({ perSecond, burst: mostOfUser })
  /** Made once: each look at the line of waiting requests asks for every user in it. */
  const tooMany = tooManyUnfinished(mostOfUser)
  /** Requests that have entered and not stored their order yet, by user. */
  const inside = new Map<string, number>()
  let allInside = 0
  const change = (username: string, by: number) => {
    allInside += by
    const count = (inside.get(username) ?? 0) + by
    if (count === 0) inside.delete(username)
    else inside.set(username, count)
  }
  return {
    enter: (username: string) => change(username, 1),
    leave: (username: string) => change(username, -1),
    stored: (
      orders: ReadonlyArray<{ readonly id: string; readonly username: string }>,
      nowMs: number,
    ) => {
      unfinished.stored(orders)
      for (const { username } of orders) rate.take(username, nowMs)
    },
    ended: unfinished.ended,
    missedSome: unfinished.missedSome,
    counting: (): (count: UnfinishedCount) => void => unfinished.counting(),
    fast: rate.fast,
    placed: rate.placed,
    /** Whether there is no room for any user. */
    isFull: () => unfinished.total() + allInside >= most,
    /** Whether room is scarce, so that what other replicas let in matters. */
    isTight: () => unfinished.total() + allInside >= most / 2,
    /** Why the user cannot place an order now; undefined when they can. */
    refusal: (username: string, nowMs: number): Problem | undefined => {
      const coming = inside.get(username) ?? 0
      if (unfinished.of(username) + coming >= mostOfUser) return tooMany
      const waitMs = rate.waitMs(username, nowMs, coming)
      if (waitMs > 0) return tooFast(perSecond, waitMs)
      return unfinished.total() + allInside >= most ? overloaded : undefined
    },
  }
}

/** The refusal of an order when there are too many in all. */
export const overloaded = new Problem({
  status: 503,
  code: "overloaded",
  detail:
    "Too many orders are in progress, so this one was not stored. Send it again in a few seconds.",
  headers: { "retry-after": "5" },
})

const tooManyUnfinished = (most: number) =>
  new Problem({
    status: 429,
    code: "too_many_unfinished_orders",
    detail: `You have ${most} orders that are not final, which is the limit, so this one was not ` +
      "stored. Send it again when some of them are final.",
    headers: { "retry-after": "2" },
  })

const tooFast = (perSecond: number, waitMs: number) =>
  new Problem({
    status: 429,
    code: "orders_too_fast",
    detail: `You place more than ${perSecond} orders per second, so this one was not stored. ` +
      "Send it again a little later.",
    headers: { "retry-after": `${Math.ceil(waitMs / 1000)}` },
  })

/** The codes of all refusals. */
export const refusalCodes = [overloaded, tooManyUnfinished(0), tooFast(0, 0)].map(({ code }) =>
  code
)
