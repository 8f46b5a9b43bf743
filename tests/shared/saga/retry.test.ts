import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Random } from "effect"
import { TestClock } from "effect/testing"
import { Refused } from "#shared/http/client.ts"
import { forEver, forward, isFailure } from "#shared/saga/retry.ts"
import { Misconfigured, OutcomeUnknown, type Transient, Unavailable } from "#shared/transient.ts"

const unavailable = new Unavailable({ message: "connection refused" })
const unknown = new OutcomeUnknown({ message: "no answer" })
const misconfigured = new Misconfigured({ message: "items answered 403" })

/** The waits between calls that fail with these failures in turn. */
const waitsAfter = Effect.fnUntraced(
  function* (schedule: typeof forward, failures: ReadonlyArray<Transient>) {
    const atMs: Array<number> = []
    const call = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const failure = failures[atMs.length]
      atMs.push(now)
      return failure === undefined ? Effect.void : Effect.fail(failure)
    })
    const fiber = yield* Effect.forkChild(Effect.retry(call, schedule))
    yield* TestClock.adjust("1 day")
    assert.deepStrictEqual(fiber.pollUnsafe(), Exit.void)
    return atMs.slice(1).map((now, n) => now - atMs[n]!)
  },
)

const schedules = [
  { name: "forward", schedule: forward, longestMs: 3_000 },
  { name: "for ever", schedule: forEver, longestMs: 30_000 },
]

describe.each(schedules)("the waits $name", ({ schedule, longestMs }) => {
  it.effect("grow twofold from 50 ms to the longest, with jitter", () =>
    Effect.gen(function* () {
      // Often enough for the doubling to reach infinity.
      const waits = yield* waitsAfter(schedule, Array(1_500).fill(unknown))
      waits.forEach((waitMs, n) => {
        const nominalMs = Math.min(50 * 2 ** n, longestMs)
        assert.isAtLeast(waitMs, nominalMs * 0.799)
        assert.isAtMost(waitMs, nominalMs * 1.201)
      })
      assert.isAbove(Math.max(...waits) - Math.min(...waits.slice(10)), longestMs * 0.3)
    }).pipe(Random.withSeed("jitter")))

  it.effect("are at least 10 s if only a person can resolve the failure", () =>
    Effect.gen(function* () {
      const waits = yield* waitsAfter(schedule, Array(1_500).fill(misconfigured))
      waits.forEach((waitMs) => {
        assert.isAtLeast(waitMs, 9_999)
        assert.isAtMost(waitMs, Math.max(10_001, longestMs * 1.201))
      })
    }))

  it.effect("depend on the latest failure", () =>
    Effect.gen(function* () {
      const waits = yield* waitsAfter(schedule, [
        unavailable,
        misconfigured,
        unknown,
        misconfigured,
        unavailable,
      ])
      assert.deepStrictEqual(waits.map((waitMs) => waitMs > 9_000), [
        false,
        true,
        false,
        true,
        false,
      ])
    }))
})

it.effect("waves that failed at the same time come back at different times", () =>
  Effect.gen(function* () {
    const first = yield* Effect.forEach(
      Array.from({ length: 10 }),
      () => waitsAfter(forward, [unknown]),
    )
    assert.isAbove(new Set(first.flat()).size, 8)
  }).pipe(Random.withSeed("jitter")))

it("an entry's failure is told from its answer", () => {
  const failures = [unavailable, unknown, misconfigured, new Refused({ message: "400" })]
  assert.isTrue(failures.every(isFailure))
  assert.isFalse(isFailure({ orderId: "ann", outcome: "rejected" }))
})
