/**
 * Token buckets in this process. A bucket is one number: the time at which it is full again if
 * nothing more is taken (the generic cell rate algorithm, ITU-T I.371). Taking a token moves that
 * time by a step. A bucket whose time has passed is the same as none, so it is forgotten; no other
 * one ever is.
 */
import { createHmac, randomBytes } from "node:crypto"

export interface Bucket {
  /** Each kind has a store of its own, so its names never take the room of another kind. */
  readonly kind: string
  readonly name: string
  /** The number of tokens in a full bucket. */
  readonly limit: number
  /** The time in which one token refills. */
  readonly refillMs: number
}

/** The result: how many tokens each bucket is missing now, or how long to wait. */
export type Taken =
  | { readonly missing: ReadonlyArray<number> }
  | { readonly waitMs: number }

export interface Buckets {
  /** Takes a token from each of the buckets, or from none; a refusal makes no bucket. */
  readonly take: (buckets: ReadonlyArray<Bucket>, nowMs: number) => Taken
  /** Puts a token back into each. */
  readonly putBack: (buckets: ReadonlyArray<Bucket>, nowMs: number) => void
}

/** The most names of a kind that have a bucket of their own. */
export const namesAtMost = 20_000
/** The number of buckets that all other names share: emptying one refuses a thousandth of them. */
const sharedBuckets = 1_024
const sweepEveryMs = 1_000

/** The names of one kind, with the time at which each one's bucket is full again. */
interface Shelf {
  readonly own: Map<string, number>
  readonly shared: Map<string, number>
  sweptAtMs: number
}

/** Makes an empty store of at most 20,000 buckets of a kind, and 1,024 that further names share. */
export const makeBuckets = (): Buckets => {
  const shelves = new Map<string, Shelf>()
  // A secret, so that nobody can choose names that share the bucket of a victim.
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

/** How many tokens are missing in a bucket that is full again in `fullInMs`. */
export const missing = (fullInMs: number, refillMs: number): number =>
  Math.ceil(fullInMs / refillMs - 1e-6)

const hasRoom = (shelf: Shelf, nowMs: number): boolean => {
  if (shelf.own.size < namesAtMost) return true
  // A sweep costs a millisecond, so it does not run for each name.
  if (nowMs - shelf.sweptAtMs < sweepEveryMs) return false
  shelf.sweptAtMs = nowMs
  for (const [name, fullAtMs] of shelf.own) if (fullAtMs <= nowMs) shelf.own.delete(name)
  return shelf.own.size < namesAtMost
}
