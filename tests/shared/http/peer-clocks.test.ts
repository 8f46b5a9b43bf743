/** What a service learns about other services' clocks, from the Date of their answers. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import { makeApp } from "#shared/http/app.ts"
import { Fetch, get } from "#shared/http/client.ts"
import { makePeerClocks, PeerClocks } from "#shared/http/peer-clocks.ts"
import { steadyMs } from "#shared/steady-time.ts"

const startMs = Date.UTC(2026, 0, 5, 12, 0, 0)

const world = Effect.gen(function* () {
  yield* TestClock.setTime(startMs)
  const clocks = makePeerClocks()
  const logs: Array<string> = []
  const clock = yield* Clock.Clock
  const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(References.MinimumLogLevel, "Info"),
      Effect.provide(Logger.layer([
        Logger.make(({ message, logLevel }) => {
          logs.push(`${logLevel} ${message}`)
        }),
      ])),
    )
  /** An answer that took this long, dated half-way by a clock that is this far ahead. */
  const answer = Effect.fnUntraced(function* (aheadMs: number, tookMs = 20) {
    const sentMs = yield* steadyMs
    yield* TestClock.adjust(tookMs / 2)
    const date = new Date((yield* Clock.currentTimeMillis) + aheadMs).toUTCString()
    yield* TestClock.adjust(tookMs / 2)
    yield* clocks.heard("orders", date, sentMs)
  }, logged)
  const aheadMs = Effect.map(
    Clock.currentTimeMillis,
    (nowMs) => clocks.timeOf("orders", clock).nowMs - nowMs,
  )
  return { clocks, logs, answer, aheadMs }
})

describe("the clock of another service", () => {
  it.effect("is taken for this one until an answer disproves it", () =>
    Effect.gen(function* () {
      const { clocks, logs, answer, aheadMs } = yield* world
      assert.strictEqual(yield* aheadMs, 0)
      for (let n = 0; n < 20; n++) {
        yield* answer(0)
        yield* TestClock.adjust(137)
      }
      assert.isAtMost(Math.abs(yield* aheadMs), 1_000)
      assert.strictEqual((yield* clocks.wrong).size, 0)
      assert.deepStrictEqual(logs, [])
    }))

  for (const secondsAhead of [130, -130, 3_600, -3_600]) {
    it.effect(`is known within a second, never too late, if it is ${secondsAhead} s ahead`, () =>
      Effect.gen(function* () {
        const { answer, aheadMs } = yield* world
        for (const tookMs of [20, 4_000, 0, 500]) {
          yield* answer(secondsAhead * 1_000, tookMs)
          const error = (yield* aheadMs) - secondsAhead * 1_000
          assert.isAtMost(error, 0, "an order would be aborted before its deadline")
          assert.isAbove(error, -1_020)
        }
      }))
  }

  it.effect("is known better with each answer", () =>
    Effect.gen(function* () {
      const { answer, aheadMs } = yield* world
      for (let n = 0; n < 50; n++) {
        yield* answer(130_000)
        yield* TestClock.adjust(123)
      }
      assert.isAbove((yield* aheadMs) - 130_000, -150)
    }))

  it.effect("goes on evenly while this process's own clock is set", () =>
    Effect.gen(function* () {
      const { clocks, answer } = yield* world
      const clock = yield* Clock.Clock
      yield* answer(0, 0)
      const before = clocks.timeOf("orders", clock).nowMs
      yield* TestClock.setTime(startMs - 3_600_000)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(clocks.timeOf("orders", clock).nowMs - before, 10_000)
    }))

  it.effect("is reported when it is a minute off, and when it is right again", () =>
    Effect.gen(function* () {
      const { clocks, logs, answer } = yield* world
      yield* answer(59_000)
      assert.deepStrictEqual(logs, [])
      for (let n = 0; n < 5; n++) yield* answer(130_000)
      // Another replica, whose clock is right.
      yield* answer(0)
      const [[peer, what] = []] = [...yield* clocks.wrong]
      assert.strictEqual(peer, "orders")
      assert.match(what!, /^clock of orders is (129|130) s ahead$/)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* clocks.wrong).size, 0)
      yield* answer(0)
      yield* answer(-130_000)
      assert.match([...(yield* clocks.wrong).values()][0]!, /^clock of orders is 13[01] s behind$/)
      assert.lengthOf(logs, 3)
      assert.match(logs[0]!, /^Warn clock of orders is (129|130) s ahead: .*300 s/)
      assert.strictEqual(logs[1], "Info clock of orders is right again")
      assert.match(logs[2]!, /^Warn clock of orders is 13[01] s behind/)
    }))

  it.effect("is this one when an answer has no date, as within one process", () =>
    Effect.gen(function* () {
      const { clocks, aheadMs } = yield* world
      yield* clocks.heard("orders", null, yield* steadyMs)
      yield* TestClock.setTime(startMs + 3_600_000)
      yield* clocks.heard("orders", "no date at all", yield* steadyMs)
      assert.strictEqual(yield* aheadMs, 0)
    }))

  it.effect("is named in /readyz while it is off, and in the failure of a call", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(startMs)
      const clocks = makePeerClocks()
      const off = new Date(startMs + 400_000).toUTCString()
      const callee = {
        name: "orders",
        url: new URL("http://orders.test"),
        token: Effect.succeed("token"),
        timeoutMs: 1_000,
      }
      const given = <A, E>(effect: Effect.Effect<A, E>) =>
        effect.pipe(
          Effect.provideService(PeerClocks, clocks),
          Effect.provideService(Fetch, () =>
            Promise.resolve(Response.json({}, { status: 401, headers: { date: off } }))),
          Effect.provideService(References.MinimumLogLevel, "None"),
        )
      const { internal } = yield* given(
        makeApp({ name: "auth", description: "", routes: [], ready: {} }),
      )
      const readyz = Effect.promise(async () => await (await internal.request("/readyz")).json())
      const fine = { status: "ready", service: "auth", checks: {} }
      assert.deepStrictEqual(yield* readyz, fine)
      const { message } = yield* Effect.flip(given(get(callee, "/")))
      assert.match(message, /^orders answered 401: clock of orders is 400 s ahead, or it does not/)
      assert.deepStrictEqual(yield* readyz, {
        ...fine,
        checks: { clocks: "clock of orders is 400 s ahead" },
      })
    }))
})
