/** Whether there is room for one more order of a user, by what this replica knows; no more than rules and numbers. */
import { Problem } from "#shared/http/problem.ts"
import { makeOrderRate } from "./order-rate.ts"
import type { UnfinishedCount } from "./order-table.ts"
import { makeUnfinished } from "./unfinished.ts"

export interface RoomOptions {
  /** The most unfinished orders, in all replicas together. */
  readonly most: number
  /** The most of them that a user may have; and so many orders of a user may come at once. */
  readonly mostOfUser: number
  /** How many orders of a user may come in a second, over time. */
  readonly perSecond: number
}

export const makeRoom = ({ most, mostOfUser, perSecond }: RoomOptions) => {
  const unfinished = makeUnfinished(most)
  const rate = makeOrderRate({ perSecond, burst: mostOfUser })
  /** Requests that were let in and have stored nothing yet, by user. */
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
    /** Whether no order of anybody fits in. */
    isFull: () => unfinished.total() + allInside >= most,
    /** Whether there may soon be no room, so that it matters what others have let in. */
    isTight: () => unfinished.total() + allInside >= most / 2,
    /** Why the user cannot place an order now; undefined where nothing is in the way. */
    refusal: (username: string, nowMs: number): Problem | undefined => {
      const coming = inside.get(username) ?? 0
      if (unfinished.of(username) + coming >= mostOfUser) return tooManyUnfinished(mostOfUser)
      const waitMs = rate.waitMs(username, nowMs, coming)
      if (waitMs > 0) return tooFast(perSecond, waitMs)
      return unfinished.total() + allInside >= most ? overloaded : undefined
    },
  }
}

/** What a client is told whose order is one too many of all. */
export const overloaded = new Problem({
  status: 503,
  code: "overloaded",
  detail:
    "Too many orders are waiting, so nothing was stored now. Send this one again in a few seconds.",
  headers: { "retry-after": "5" },
})

const tooManyUnfinished = (most: number) =>
  new Problem({
    status: 429,
    code: "too_many_unfinished_orders",
    detail:
      `You have ${most} orders that are not final yet, as many as one may have, so nothing was ` +
      "stored now. Send this one again when some of them are.",
    headers: { "retry-after": "2" },
  })

const tooFast = (perSecond: number, waitMs: number) =>
  new Problem({
    status: 429,
    code: "orders_too_fast",
    detail: `You place more than ${perSecond} orders a second, so nothing was stored now. ` +
      "Send this one again a little later.",
    headers: { "retry-after": `${Math.ceil(waitMs / 1000)}` },
  })

/** The codes of all refusals. */
export const refusalCodes = [overloaded, tooManyUnfinished(0), tooFast(0, 0)].map(({ code }) =>
  code
)
