/**
 * How fast each user places orders: a token bucket for each, which is full at first and of which an order takes one token.
 * A bucket that is full says no more than none, so only those are kept that are not. What a user places elsewhere is found
 * out about now and then, and taken of the bucket then.
 */

export interface OrderRateOptions {
  readonly perSecond: number
  /** So many may come at once. */
  readonly burst: number
}

export interface OrderRate {
  /** Milliseconds until the user may place another order, besides so many that are about to be placed; 0 is now. */
  readonly waitMs: (username: string, nowMs: number, besides: number) => number
  /** The user places an order here. */
  readonly take: (username: string, nowMs: number) => void
  /** The users who have used half of their tokens or more. */
  readonly fast: (nowMs: number) => ReadonlyArray<string>
  /** These users have placed so many orders since the last time that this was told, here and elsewhere. */
  readonly placed: (orders: ReadonlyMap<string, number>, nowMs: number) => void
  /** How many buckets are kept. */
  readonly size: () => number
}

interface Bucket {
  readonly tokens: number
  readonly atMs: number
  /** How many were taken here since it was told what was taken everywhere. */
  readonly here: number
}

export const makeOrderRate = ({ perSecond, burst }: OrderRateOptions): OrderRate => {
  /** The one that was changed last comes last. */
  const buckets = new Map<string, Bucket>()
  const tokensOf = ({ tokens, atMs }: Bucket, nowMs: number) =>
    Math.min(burst, tokens + Math.max(0, nowMs - atMs) * perSecond / 1000)
  const isFull = (bucket: Bucket, nowMs: number) => tokensOf(bucket, nowMs) >= burst

  /** At the front, so that the work is shared by those who come. */
  const forgetFull = (nowMs: number) => {
    for (const [username, bucket] of buckets) {
      if (!isFull(bucket, nowMs)) break
      buckets.delete(username)
    }
  }

  const spend = (username: string, nowMs: number, orders: number, here: number) => {
    const bucket = buckets.get(username) ?? { tokens: burst, atMs: nowMs, here: 0 }
    buckets.delete(username)
    // Who places them by many replicas waits for no more than one bucket to fill.
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
