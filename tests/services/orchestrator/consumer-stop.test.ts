import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, MutableList } from "effect"
import { Callees } from "#services/orchestrator/callees.ts"
import { type Participants, participantsLayer } from "#services/orchestrator/participants.ts"
import type { ParticipantName } from "#shared/contracts/order-saga.ts"
import { Fetch } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { drainMs, pass, queueUnavailable, settled, world } from "./consumer-world.ts"
import { isAway, type RequestKind } from "./scripted-callees.ts"

/** The real calls to scripted participants, which send one request at a time. */
const realCalls = (send: Participants["Service"]["send"], timeoutMs: number) => {
  const fetch = async (url: string, { body }: RequestInit) => {
    const [at] = new URL(url).hostname.split(".") as [ParticipantName]
    const { commands } = JSON.parse(body as string)
    return Response.json({ outcomes: await Effect.runPromise(send(at, commands)) })
  }
  const urls = forEachParticipant((name) => new URL(`http://${name}.test/`))
  return participantsLayer({ urls, timeoutMs }).pipe(
    Layer.provide([
      Callees.layer,
      Layer.succeed(ServiceSigner, { tokenFor: () => Effect.succeed("token") }),
      Layer.succeed(Fetch, fetch),
    ]),
  )
}

describe("a stop of the consumer", () => {
  /** Stops the consumer, and asserts that this takes exactly so long. */
  const stopTakes = (stop: Effect.Effect<void>, ms: number) =>
    Effect.gen(function* () {
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      if (ms > 0) {
        yield* pass(ms - 1)
        assert.isUndefined(stopping.pollUnsafe(), `The consumer stopped before ${ms} ms`)
        yield* pass(1)
      }
      assert.isDefined(stopping.pollUnsafe(), `The consumer did not stop within ${ms} ms`)
    })

  it.effect("takes no more orders, and lets the waves in flight end", () =>
    Effect.gen(function* () {
      const { stream, rejects, holds, start, publish, release, begun, statuses } = yield* world
      const { stop } = yield* start()
      const two = someOrders(2)
      rejects.set(two[1]!.orderId, "slots")
      holds.add("reserve items").add("cancel billing")
      yield* publish(two)
      const stopping = yield* Effect.forkChild(stop)
      yield* settled
      yield* publish(someOrders(3))
      yield* release("reserve items")
      assert.isUndefined(stopping.pollUnsafe())
      yield* release("cancel billing")
      // The stop ends with the last wave.
      assert.isDefined(stopping.pollUnsafe())
      assert.deepStrictEqual([...statuses.values()], ["completed", "failed"])
      assert.strictEqual(begun().length, 1)
      assert.strictEqual(stream.unacknowledged, 3)
    }))

  it.effect("takes no time when there is nothing in flight", () =>
    Effect.gen(function* () {
      const { start, publish } = yield* world
      const { stop } = yield* start()
      yield* publish(someOrders(400))
      yield* stopTakes(stop, 0)
    }))

  for (const where of ["reserve items", "decide", "cancel items"] as const) {
    const kind: RequestKind = where
    it.effect(`leaves orders that wait for an answer to ${where} to the next consumer`, () =>
      Effect.gen(function* () {
        const { stream, rejects, holds, start, publish, release, statuses } = yield* world
        const { stop } = yield* start()
        const two = someOrders(2)
        for (const { orderId } of two) if (where === "cancel items") rejects.set(orderId, "slots")
        holds.add(kind)
        yield* publish(two)
        yield* stopTakes(stop, drainMs)
        assert.strictEqual(stream.unacknowledged, 2)
        assert.deepStrictEqual(
          MutableList.toArray(stream.waiting).map(({ redelivered }) => redelivered),
          [true, true],
        )
        assert.deepStrictEqual(stream.deadLetters, [])
        yield* release(kind)
        yield* start()
        assert.strictEqual(stream.unacknowledged, 0)
        const end = where === "cancel items" ? "failed" : "completed"
        assert.deepStrictEqual([...statuses.values()], [end, end])
      }))

    it.effect(`cuts short the wait for the next attempt where ${where} fails`, () =>
      Effect.gen(function* () {
        const { stream, asked, rejects, fails, start, publish } = yield* world
        const { stop } = yield* start()
        const two = someOrders(2)
        for (const { orderId } of two) if (where === "cancel items") rejects.set(orderId, "slots")
        fails.set(kind, isAway)
        yield* publish(two)
        yield* pass(110_000)
        const before = asked.length
        yield* stopTakes(stop, drainMs)
        assert.strictEqual(stream.waiting.length, 2)
        // Until then it tried again, and told the register. The step before is not undone while
        // this one is not.
        const after = asked.slice(before).filter((one) => one.kind !== kind)
        assert.deepStrictEqual(after.filter((one) => one.kind !== "decide"), [])
      }))
  }

  it.effect("waits for the request in flight, but not for those that would follow", () =>
    Effect.gen(function* () {
      const { start, publish, release, rejects, holds, send, sizes, statuses } = yield* world
      const timeoutMs = 5_000
      const { stop } = yield* start(100, undefined, realCalls(send, timeoutMs))
      const two = someOrders(2)
      for (const { orderId } of two) rejects.set(orderId, "slots")
      holds.add("reserve slots").add("cancel items")
      for (const order of two) yield* publish([order])
      while (sizes("reserve items").length < 2) yield* settled
      yield* release("reserve slots")
      while (statuses.size < 2) yield* settled
      yield* settled
      assert.deepStrictEqual(sizes("cancel items"), [1])
      const stopping = yield* Effect.forkChild(stop)
      yield* pass(drainMs)
      assert.isUndefined(stopping.pollUnsafe())
      yield* pass(timeoutMs)
      assert.isDefined(stopping.pollUnsafe(), "The consumer did not stop within drain and timeout")
    }))

  it.effect("does not wait for an unavailable queue", () =>
    Effect.gen(function* () {
      const { stream, start, publish, statuses } = yield* world
      const { stop } = yield* start(100, (queue) => ({
        ...queue,
        take: (max) => stream.unacknowledged > 0 ? Effect.fail(queueUnavailable) : queue.take(max),
        acknowledge: () => Effect.fail(queueUnavailable),
      }))
      yield* publish(someOrders(1))
      assert.deepStrictEqual([...statuses.values()], ["completed"])
      yield* stopTakes(stop, drainMs)
      assert.strictEqual(stream.unacknowledged, 1)
    }))
})
