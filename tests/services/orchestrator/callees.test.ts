/** Services that do not answer: the log and, for a misconfigured service, `/readyz` report them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { answering, reserves, scriptedParticipants } from "./scripted-participants.ts"
import { fetchFailed, json, metrics } from "./scripted-service.ts"

const misconfigured = metrics("service_misconfigured", "service")

describe("a callee", () => {
  it.live("is logged once when it does not answer, and once when it answers again", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const { send } = script.service
      for (let outage = 0; outage < 2; outage++) {
        script.conduct = () => Promise.reject(fetchFailed("ECONNREFUSED"))
        for (let n = 0; n < 3; n++) yield* send("items", reserves(2))
        // Another way not to answer.
        script.conduct = () => json({}, 503)
        yield* send("items", reserves(2))
        script.conduct = answering("reserved")
        for (let n = 0; n < 3; n++) yield* send("items", reserves(2))
        yield* send("slots", reserves(2))
      }
      const once = ["Warn items cannot be reached (ECONNREFUSED)", "Info items answers again"]
      assert.deepStrictEqual(script.logs, [...once, ...once])
      yield* script.configured
    }))

  it.live("has a metric for misconfiguration from the start", () =>
    Effect.gen(function* () {
      yield* scriptedParticipants
      assert.deepInclude(yield* misconfigured, { billing: 0, items: 0, slots: 0 })
    }))

  for (
    const [status, cause] of [
      [401, "items answered 401: it does not know the caller's key: check SERVICE_PRIVATE_KEY"],
      [403, "items answered 403: it does not let this service in: check that both are of"],
      [404, "items answered 404: it has no such route: check its address and its version"],
    ] as const
  ) {
    it.live(`is reported by name when it answers ${status}, until it is corrected`, () =>
      Effect.gen(function* () {
        const script = yield* scriptedParticipants
        const { send } = script.service
        script.conduct = () => json({}, status)
        for (let n = 0; n < 3; n++) yield* send("items", reserves(2))
        yield* Effect.sync(() => script.conduct = answering("reserved"))
        yield* send("slots", reserves(1))
        const { message } = yield* Effect.flip(script.configured)
        assert.isTrue(message.startsWith(cause), message)
        assert.deepInclude(yield* misconfigured, { items: 1, slots: 0 })
        yield* send("items", reserves(1))
        yield* script.configured
        assert.deepInclude(yield* misconfigured, { items: 0 })
        assert.deepStrictEqual(script.logs, [`Warn ${message}`, "Info items answers again"])
      }))
  }

  it.live("is reported with its latest cause, beside others", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const { send } = script.service
      script.conduct = () => json({}, 404)
      yield* send("slots", reserves(1))
      yield* send("items", reserves(1))
      script.conduct = () => json({}, 401)
      yield* send("items", reserves(1))
      const { message } = yield* Effect.flip(script.configured)
      assert.match(message, /^slots answered 404: [^;]*; items answered 401: /)
      // An unavailable service may have been corrected, so it is not reported as misconfigured.
      script.conduct = () => Promise.reject(fetchFailed("ECONNREFUSED"))
      yield* send("slots", reserves(1))
      assert.match((yield* Effect.flip(script.configured)).message, /^items answered 401: /)
    }))

  it.live("that refuses every request, and then is unavailable, is logged as each", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const { send } = script.service
      script.conduct = () => json({ code: "invalid_body" }, 422)
      for (let n = 0; n < 3; n++) yield* send("items", reserves(10))
      script.conduct = () => json({}, 503)
      for (let n = 0; n < 3; n++) yield* send("items", reserves(10))
      yield* script.configured
      assert.deepStrictEqual(script.logs, [
        "Warn items refuses every request: check that both are of the same version",
        "Warn items answered 503",
      ])
    }))

  it.effect("that breaks the protocol is reported until it keeps to it for a minute", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const { send } = script.service
      // Right about a single order, like a participant that sorts its answers.
      script.conduct = (commands) =>
        json({
          outcomes: commands.toReversed().map(({ orderId }) => ({ orderId, outcome: "reserved" })),
        })
      const cause = "items answered in another sequence than it was asked " +
        "(docs/protocol.md#the-answer)"
      for (let n = 0; n < 3; n++) {
        yield* send("items", reserves(2))
        yield* send("items", reserves(1))
        assert.strictEqual((yield* Effect.flip(script.configured)).message, cause)
        assert.deepInclude(yield* misconfigured, { items: 1 })
        yield* TestClock.adjust("59 seconds")
        yield* send("items", reserves(1))
        assert.strictEqual((yield* Effect.flip(script.configured)).message, cause)
      }
      assert.strictEqual(script.logs.length, 1)
      assert.include(script.logs[0], `Warn ${cause}`)
      yield* TestClock.adjust("1 second")
      yield* send("items", reserves(1))
      yield* script.configured
      assert.deepInclude(yield* misconfigured, { items: 0 })
      assert.deepStrictEqual(script.logs.slice(1), ["Info items answers again"])
    }))

  it.live("that breaks the protocol, and then is unavailable, is logged as each", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const { send } = script.service
      script.conduct = () => json({})
      yield* send("items", reserves(2))
      script.conduct = () => json({}, 503)
      yield* send("items", reserves(2))
      yield* script.configured
      script.conduct = answering("reserved")
      yield* send("items", reserves(2))
      assert.deepStrictEqual(script.logs.slice(1), [
        "Warn items answered 503",
        "Info items answers again",
      ])
    }))
})
