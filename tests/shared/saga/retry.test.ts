import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Random } from "effect"
import { TestClock } from "effect/testing"
import { forEver, forward, retrying } from "#shared/saga/retry.ts"
import { DeadlinePassed, Rejected } from "#shared/saga/saga.ts"
import { Unavailable, Unknown } from "#shared/transient.ts"

const unavailable = new Unavailable({ message: "connection refused" })
const unknown = new Unknown({ message: "no answer" })

/** A call that fails so many times before it works, and notes when it was made. */
const failing = <E>(count: number, failure: E) => {
  const atMs: Array<number> = []
  const call = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    atMs.push(now)
    return atMs.length > count ? Effect.succeed("done") : Effect.fail(failure)
  })
  return { call, atMs }
}

describe("a retried call", () => {
  it.effect("that works is made once, and waits for nothing", () =>
    Effect.gen(function* () {
      const { call, atMs } = failing(0, unknown)
      assert.strictEqual(yield* retrying(call, forward), "done")
      assert.deepStrictEqual(atMs, [0])
    }))

  it.effect("is made once more for each failure that can be retried", () =>
    Effect.gen(function* () {
      const { call, atMs } = failing(2, unavailable)
      const fiber = yield* Effect.forkChild(retrying(call, forward))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed("done"))
      assert.strictEqual(atMs.length, 3)
    }))

  it.effect("that is refused is not repeated, at first or later", () =>
    Effect.gen(function* () {
      const refused = new Rejected()
      const first = yield* Effect.exit(retrying(Effect.fail(refused), forward))
      assert.deepStrictEqual(first, Exit.fail(refused))
      let attempts = 0
      const later = Effect.suspend(() => Effect.fail(++attempts < 3 ? unknown : refused))
      const fiber = yield* Effect.forkChild(retrying(later, forward))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.fail(refused))
      assert.strictEqual(attempts, 3)
    }))

  it.effect("that has a defect is not repeated", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(retrying(Effect.die("defect"), forward))
      assert.deepStrictEqual(exit, Exit.die("defect"))
    }))

  it.effect("ends with the refusal to proceed, asked for after each wait and not before the first call", () =>
    Effect.gen(function* () {
      const { call, atMs } = failing(100, unknown)
      const passed = new DeadlinePassed()
      const deadline = Effect.flatMap(
        Clock.currentTimeMillis,
        (now) => now < 1_000 ? Effect.void : Effect.fail(passed),
      )
      const fiber = yield* Effect.forkChild(retrying(call, forward, deadline))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.fail(passed))
      assert.isBelow(Math.max(...atMs), 1_000)
      assert.deepStrictEqual(
        yield* Effect.exit(retrying(Effect.void, forward, Effect.fail(passed))),
        Exit.void,
      )
    }))
})

describe("the waits", () => {
  it.effect.each([
    { name: "forward", schedule: forward, longestMs: 3_000 },
    { name: "for ever", schedule: forEver, longestMs: 30_000 },
  ])(
    "$name grow twofold from 50 ms to $longestMs ms, with jitter",
    ({ schedule, longestMs }) =>
      Effect.gen(function* () {
        // So often that doubling comes to infinity.
        const { call, atMs } = failing(1_500, unknown)
        const fiber = yield* Effect.forkChild(retrying(call, schedule))
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed("done"))
        const waits = atMs.slice(1).map((now, n) => now - atMs[n]!)
        waits.forEach((waitMs, n) => {
          const nominalMs = Math.min(50 * 2 ** n, longestMs)
          assert.isAtLeast(waitMs, nominalMs * 0.799)
          assert.isAtMost(waitMs, nominalMs * 1.201)
        })
        assert.isAbove(Math.max(...waits) - Math.min(...waits.slice(10)), longestMs * 0.3)
      }).pipe(Random.withSeed("jitter")),
  )
})

it.effect("a shutdown cuts a wait short where calls run to their end", () =>
  Effect.gen(function* () {
    const { call, atMs } = failing(100, unavailable)
    const fiber = yield* Effect.forkChild(Effect.uninterruptible(retrying(call, forEver)))
    yield* TestClock.adjust("1 minute")
    const attempts = atMs.length
    fiber.interruptUnsafe()
    yield* TestClock.adjust("1 hour")
    assert.isTrue(Exit.hasInterrupts(fiber.pollUnsafe()!))
    assert.strictEqual(atMs.length, attempts)
  }))
