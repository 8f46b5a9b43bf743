/**
 * Buckets of tokens in this process. A bucket is one number, the time at which it is full again if nobody takes from it (the
 * generic cell rate algorithm, ITU-T I.371): a token is a step of that time, and a bucket whose time has passed is as good
 * as none, so it is forgotten, and no other ever is.
 */
import { createHmac, randomBytes } from "node:crypto"

export interface Bucket {
  /** Names of one kind have a store of their own: they never take the room of another kind. */
  readonly kind: string
  readonly name: string
  /** How many tokens it holds when it is full. */
  readonly limit: number
  /** How long it takes until a token that was taken is there again. */
  readonly refillMs: number
}

/** What came of taking: how many tokens each bucket misses now, or how long none will be had. */
export type Taken =
  | { readonly missing: ReadonlyArray<number> }
  | { readonly waitMs: number }

export interface Buckets {
  /** Takes a token from each of the buckets, or none from any of them and makes no bucket. */
  readonly take: (buckets: ReadonlyArray<Bucket>, nowMs: number) => Taken
  /** Gives back a token to each. */
  readonly putBack: (buckets: ReadonlyArray<Bucket>, nowMs: number) => void
}

/** How many names of a kind have a bucket of their own. */
export const namesAtMost = 20_000
/** How many buckets all others share: whoever fills one refuses a thousandth of them. */
const sharedBuckets = 1_024
const sweepEveryMs = 1_000

/** The names of one kind and when each one's bucket is full again. */
interface Shelf {
  readonly own: Map<string, number>
  readonly shared: Map<string, number>
  sweptAtMs: number
}

/** Makes an empty store, which keeps at most 20,000 buckets of a kind and 1,024 that the names beyond these share. */
export const makeBuckets = (): Buckets => {
  const shelves = new Map<string, Shelf>()
  // Nobody can choose names that meet in the bucket of a victim.
  const secret = randomBytes(16)
  const shareOf = (name: string) =>
    String(createHmac("sha256", secret).update(name).digest().readUInt16BE() % sharedBuckets)

  const shelfOf = (kind: string): Shelf => {
    const shelf = shelves.get(kind) ??
      { own: new Map(), shared: new Map(), sweptAtMs: -Infinity }
    shelves.set(kind, shelf)
    return shelf
  }

  const placeOf = (
    { kind, name }: Bucket,
    nowMs: number,
  ): readonly [Map<string, number>, string] => {
    const shelf = shelfOf(kind)
    if (shelf.own.has(name) || hasRoom(shelf, nowMs)) return [shelf.own, name]
    return [shelf.shared, shareOf(name)]
  }

  return {
    take: (buckets, nowMs) => {
      const places = buckets.map((bucket) => placeOf(bucket, nowMs))
      const fullAtMs = buckets.map(({ refillMs }, n) => {
        const [store, name] = places[n]!
        return Math.max(nowMs, store.get(name) ?? nowMs) + refillMs
      })
      const waitMs = Math.max(
        ...buckets.map(({ limit, refillMs }, n) => fullAtMs[n]! - limit * refillMs - nowMs),
      )
      if (waitMs > 0) return { waitMs }
      for (const [n, [store, name]] of places.entries()) store.set(name, fullAtMs[n]!)
      return { missing: buckets.map(({ refillMs }, n) => missing(fullAtMs[n]! - nowMs, refillMs)) }
    },
    putBack: (buckets, nowMs) => {
      for (const bucket of buckets) {
        const [store, name] = placeOf(bucket, nowMs)
        const fullAtMs = (store.get(name) ?? nowMs) - bucket.refillMs
        if (fullAtMs > nowMs) store.set(name, fullAtMs)
        else store.delete(name)
      }
    },
  }
}

/** How many tokens a bucket misses that is full after so long. */
export const missing = (fullInMs: number, refillMs: number): number =>
  Math.ceil(fullInMs / refillMs - 1e-6)

const hasRoom = (shelf: Shelf, nowMs: number): boolean => {
  if (shelf.own.size < namesAtMost) return true
  // To look through all of them costs a millisecond, so not for each.
  if (nowMs - shelf.sweptAtMs < sweepEveryMs) return false
  shelf.sweptAtMs = nowMs
  for (const [name, fullAtMs] of shelf.own) if (fullAtMs <= nowMs) shelf.own.delete(name)
  return shelf.own.size < namesAtMost
}
