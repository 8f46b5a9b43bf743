/** The buckets of one process: what they count, for how many names, and what they never forget. */
import { assert, describe, it } from "@effect/vitest"
import { type Bucket, makeBuckets, namesAtMost } from "#services/auth/buckets.ts"

const minuteMs = 60_000
const bucket = (name: string, kind = "accounts"): Bucket => ({
  kind,
  name,
  limit: 10,
  refillMs: 6 * minuteMs,
})
const isRefused = (taken: object) => "waitMs" in taken

/** Buckets in which each of this many names misses a token. */
const filled = (names: number, nowMs = 0) => {
  const buckets = makeBuckets()
  for (let n = 0; n < names; n++) buckets.take([bucket(`name ${n}`)], nowMs)
  return buckets
}

describe("makeBuckets", () => {
  it("gives in an hour at most a full bucket and the refill of an hour", () => {
    const buckets = makeBuckets()
    let given = 0
    for (let second = 0; second < 3_600; second++) {
      if (!isRefused(buckets.take([bucket("one")], second * 1000))) given++
    }
    assert.strictEqual(given, 19)
  })

  it("tells how many tokens are missing, and how long to wait for the next", () => {
    const buckets = makeBuckets()
    for (let n = 1; n <= 10; n++) {
      assert.deepStrictEqual(buckets.take([bucket("one")], 0), { missing: [n] })
    }
    assert.deepStrictEqual(buckets.take([bucket("one")], 0), { waitMs: 6 * minuteMs })
    assert.deepStrictEqual(buckets.take([bucket("one")], 5 * minuteMs), { waitMs: minuteMs })
    assert.deepStrictEqual(buckets.take([bucket("one")], 6 * minuteMs), { missing: [10] })
    buckets.putBack([bucket("one")], 6 * minuteMs)
    assert.deepStrictEqual(buckets.take([bucket("one")], 6 * minuteMs), { missing: [10] })
    assert.deepStrictEqual(buckets.take([bucket("one")], 1_000 * minuteMs), { missing: [1] })
  })

  it("never forgets a bucket that misses tokens, however many other names are tried", () => {
    const buckets = makeBuckets()
    for (let n = 0; n < 10; n++) buckets.take([bucket("victim")], 0)
    for (let n = 0; n < 20_500; n++) buckets.take([bucket(`dummy ${n}`)], n)
    assert.isTrue(isRefused(buckets.take([bucket("victim")], 20_500)))
  })

  it("makes no bucket for an attempt that is refused", () => {
    const buckets = makeBuckets()
    for (let n = 0; n < 10; n++) buckets.take([bucket("dummy")], 0)
    for (let n = 0; n < 20_500; n++) {
      const refused = buckets.take([bucket("dummy"), bucket(`address ${n}`, "addresses")], n)
      assert.isTrue(isRefused(refused))
    }
    // All names have room, so none shares a bucket.
    for (let n = 0; n < namesAtMost; n++) {
      assert.deepStrictEqual(buckets.take([bucket(`other ${n}`, "addresses")], 0), { missing: [1] })
    }
  })

  it("gives each kind of name room of its own", () => {
    const buckets = filled(25_000)
    for (let n = 0; n < namesAtMost; n++) {
      assert.deepStrictEqual(buckets.take([bucket(`name ${n}`, "addresses")], 0), { missing: [1] })
    }
  })

  it("lets names without room share buckets, each with few others", () => {
    const buckets = filled(namesAtMost)
    // A guesser who empties a shared bucket affects one in a thousand of the other names.
    for (let n = 0; n < 10; n++) {
      assert.isFalse(isRefused(buckets.take([bucket("guessed")], 0)))
    }
    assert.isTrue(isRefused(buckets.take([bucket("guessed")], 0)))
    let refused = 0
    for (let n = 0; n < 5_000; n++) {
      const other = [bucket(`other ${n}`)]
      if (isRefused(buckets.take(other, 0))) refused++
      else buckets.putBack(other, 0)
    }
    assert.isBelow(refused, 50)
  })

  it("limits all names without room together to the tokens of the shared buckets", () => {
    const buckets = filled(namesAtMost)
    let given = 0
    for (let n = 0; n < 20_000; n++) {
      if (!isRefused(buckets.take([bucket(`other ${n}`)], 0))) given++
    }
    assert.isAtMost(given, 1_024 * 10)
  })

  it("has room again as soon as buckets have refilled", () => {
    const buckets = filled(namesAtMost)
    buckets.take([bucket("guessed")], 6 * minuteMs - 1)
    assert.deepStrictEqual(buckets.take([bucket("new")], 7 * minuteMs), { missing: [1] })
    for (let n = 0; n < namesAtMost - 1; n++) {
      const own = buckets.take([bucket(`new ${n}`)], 7 * minuteMs)
      assert.deepStrictEqual(own, { missing: [1] })
    }
  })
})
