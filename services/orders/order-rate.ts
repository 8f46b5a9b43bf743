/**
 * How fast each user places orders: a token bucket per user, full at first; an order takes one
 * token. A full bucket is the same as none, so only the others are kept. Orders placed in other
 * replicas are deducted when this replica next learns of them.
 */

export interface OrderRateOptions {
  readonly perSecond: number
  /** The most orders that may come at once. */
  readonly burst: number
}

export interface OrderRate {
  /**
   * Milliseconds until the user may place another order, counting `besides` that are about to be
   * placed; 0 means now.
   */
  readonly waitMs: (username: string, nowMs: number, besides: number) => number
  /** Records an order that the user places here. */
  readonly take: (username: string, nowMs: number) => void
  /** The users who have used half of their tokens or more. */
  readonly fast: (nowMs: number) => ReadonlyArray<string>
  /** Records how many orders these users have placed since the last call, here and elsewhere. */
  readonly placed: (orders: ReadonlyMap<string, number>, nowMs: number) => void
  /** The number of buckets that are kept. */
  readonly size: () => number
}

interface Bucket {
  readonly tokens: number
  readonly atMs: number
  /** The tokens taken here since the last call of `placed`. */
  readonly here: number
}

export const makeOrderRate = ({ perSecond, burst }: OrderRateOptions): OrderRate => {
  /** In the order of change, latest last. */
  const buckets = new Map<string, Bucket>()
  const tokensOf = ({ tokens, atMs }: Bucket, nowMs: number) =>
    Math.min(burst, tokens + Math.max(0, nowMs - atMs) * perSecond / 1000)
  const isFull = (bucket: Bucket, nowMs: number) => tokensOf(bucket, nowMs) >= burst

  /** Only at the front, so that each order does a little of the work. */
  const forgetFull = (nowMs: number) => {
    for (const [username, bucket] of buckets) {
      if (!isFull(bucket, nowMs)) break
      buckets.delete(username)
    }
  }

  const spend = (username: string, nowMs: number, orders: number, here: number) => {
    const bucket = buckets.get(username) ?? { tokens: burst, atMs: nowMs, here: 0 }
    buckets.delete(username)
    // Bounded, so that a user of many replicas waits for no more than one bucket to fill.
    const tokens = Math.max(tokensOf(bucket, nowMs) - orders, Math.min(0, 1 - burst))
    buckets.set(username, { tokens, atMs: nowMs, here: here === 0 ? 0 : bucket.here + here })
  }

  return {
    size: () => buckets.size,
    waitMs: (username, nowMs, besides) => {
      const bucket = buckets.get(username)
      const tokens = (bucket === undefined ? burst : tokensOf(bucket, nowMs)) - besides
      return tokens >= 1 ? 0 : Math.ceil((1 - tokens) * 1000 / perSecond)
    },
    take: (username, nowMs) => {
      forgetFull(nowMs)
      spend(username, nowMs, 1, 1)
    },
    fast: (nowMs) =>
      [...buckets].filter(([, bucket]) => tokensOf(bucket, nowMs) <= burst / 2)
        .map(([username]) => username),
    placed: (orders, nowMs) => {
      for (const [username, bucket] of [...buckets]) {
        const elsewhere = (orders.get(username) ?? 0) - bucket.here
        if (elsewhere > 0) spend(username, nowMs, elsewhere, 0)
        else buckets.set(username, { ...bucket, here: 0 })
      }
    },
  }
}
