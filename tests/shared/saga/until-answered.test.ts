/**
 * How a request of a wave is repeated: only for orders without an answer, and never without a need.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  after,
  misconfigured,
  type Scripted,
  scripted,
  times,
  unavailable,
  unknown,
} from "./scripted-sagas.ts"

const pausesOf = (sagas: Scripted, order: string, call: string) => {
  const atMs = sagas.sentAtMs(order, call)
  return atMs.slice(1).map((ms, n) => ms - atMs[n]!)
}

describe("a request of a wave", () => {
  it.effect("is sent at once, one for all of its orders, when none is refused", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({ ann: {}, bob: {}, cid: {} })
      yield* sagas.start
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(sagas.log.map(({ what }) => what), [
        "reserve money: ann bob cid",
        "reserve item: ann bob cid",
        "reserve slot: ann bob cid",
        "complete: ann bob cid",
        "room",
        "completed: ann bob cid",
      ])
      assert.strictEqual(sagas.working(), 0)
    }))

  it.effect("is repeated only for orders without an answer", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { reserve: { money: [unknown] } },
        bob: {},
        cid: { reserve: { money: [unavailable, unknown] } },
        dan: { reserve: { money: ["rejected"] } },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.sent().filter((sent) => sent.startsWith("reserve money")), [
        "reserve money: ann bob cid dan",
        "reserve money: ann cid",
        "reserve money: cid",
      ])
    }))

  it.effect("that fails for all is repeated for all", () =>
    Effect.gen(function* () {
      const two = [unavailable, unknown]
      const sagas = yield* scripted({
        ann: { reserve: { item: two } },
        bob: { reserve: { item: two } },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.sent(), [
        "reserve money: ann bob",
        ...times(3, "reserve item: ann bob"),
        "reserve slot: ann bob",
        "complete: ann bob",
      ])
    }))

  it.effect("stays the same when it is repeated: the decision and its timeline", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { register: [unknown, "lost", unavailable] },
        bob: { reserve: { slot: ["rejected"] }, register: [unknown, "lost", unavailable] },
      })
      yield* sagas.runToEnd
      for (const [order, decision] of [["ann", "complete"], ["bob", "abort"]] as const) {
        const told = sagas.decisions.filter((one) =>
          one.orderId === order as string && one.decision === decision
        )
        assert.strictEqual(told.length, 4)
        assert.deepStrictEqual(told.slice(1), times(3, told[0]!))
        assert.strictEqual(told[0]!.timeline.length, 3)
      }
    }))

  it.effect("waits only after a failure before it is repeated: 50 ms at first", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {
          reserve: { item: [unknown] },
          register: [unavailable],
        },
      })
      yield* sagas.runToEnd
      for (const call of ["reserve item", "complete"]) {
        const [pauseMs] = pausesOf(sagas, "ann", call)
        assert.isAtLeast(pauseMs!, 40)
        assert.isAtMost(pauseMs!, 60)
      }
    }))
})

describe("pauses between the attempts of a request", () => {
  it.effect.each([
    { call: "reserve money", script: { reserve: { money: times(15, unavailable) } }, longest: 3 },
    { call: "complete", script: { register: times(15, unavailable) }, longest: 30 },
    {
      call: "ask",
      script: { redelivered: true, register: times(15, unavailable) },
      longest: 30,
    },
    {
      call: "abort",
      script: { reserve: { slot: ["rejected"] }, register: times(15, unavailable) },
      longest: 30,
    },
    {
      call: "cancel slot",
      script: { deadlineMs: 0, cancel: { slot: times(15, unavailable) } },
      longest: 30,
    },
    {
      call: "settle",
      script: { deadlineMs: 0, register: ["honest", ...times(15, unavailable)] },
      longest: 30,
    },
  ])("grow to $longest s at a $call", ({ call, script, longest }) =>
    Effect.gen(function* () {
      const sagas = yield* scripted({ ann: script as never })
      yield* sagas.runToEnd
      const pauses = pausesOf(sagas, "ann", call)
      assert.strictEqual(pauses.length, 15)
      pauses.forEach((pauseMs, n) => {
        const nominalMs = Math.min(50 * 2 ** n, longest * 1_000)
        assert.isAtLeast(pauseMs, nominalMs * 0.799)
        assert.isAtMost(pauseMs, nominalMs * 1.201)
      })
    }))

  it.effect("begin anew at each step", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { reserve: { money: times(8, unavailable), item: [unavailable] } },
      })
      yield* sagas.runToEnd
      assert.isAtMost(pausesOf(sagas, "ann", "reserve item")[0]!, 60)
    }))

  it.effect("are at least 10 s after a failure that only a person can resolve", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {
          reserve: { item: [unavailable, misconfigured, misconfigured, unavailable] },
          register: [misconfigured],
        },
      })
      yield* sagas.runToEnd
      const [first, second, third, fourth] = pausesOf(sagas, "ann", "reserve item")
      assert.isAtMost(first!, 60)
      assert.isAtLeast(second!, 9_999)
      assert.isAtLeast(third!, 9_999)
      assert.isAtMost(fourth!, 500)
      assert.isAtLeast(pausesOf(sagas, "ann", "complete")[0]!, 9_999)
      assert.strictEqual(sagas.endOf("ann"), "completed")
    }))
})

describe("the deadline, while a request is repeated", () => {
  it.effect("turns round only the orders whose deadline it is; the others are repeated", () =>
    Effect.gen(function* () {
      const away = times(20, unavailable)
      const sagas = yield* scripted({
        ann: { deadlineMs: 5_000, reserve: { item: times(1_000, unavailable) } },
        bob: { reserve: { item: away } },
        cid: { deadlineMs: 15_000, reserve: { item: times(1_000, unavailable) } },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(
        ["ann", "bob", "cid"].map(sagas.endOf),
        ["failed", "completed", "failed"],
      )
      assert.isAtMost(sagas.sentAtMs("ann", "abort")[0]!, 8_600)
      assert.isAtLeast(sagas.sentAtMs("cid", "abort")[0]!, 15_000)
      assert.strictEqual(sagas.sentAtMs("bob", "reserve item").length, 21)
    }))

  it.effect("is not held up by the next request for the others", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 4_500, reserve: { item: times(7, unavailable) } },
        bob: { reserve: { item: [...times(7, unavailable), Effect.never] } },
      })
      yield* sagas.start
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.strictEqual(sagas.sentAtMs("bob", "reserve item").length, 8)
    }))

  it.effect("of all orders ends the request, and aborts them in one request", () =>
    Effect.gen(function* () {
      const script = { deadlineMs: 5_000, reserve: { item: times(1_000, unknown) } }
      const sagas = yield* scripted({ ann: script, bob: script })
      yield* sagas.runToEnd
      const sent = sagas.sent()
      assert.deepStrictEqual(sent.slice(sent.indexOf("abort: ann bob")), [
        "abort: ann bob",
        "cancel slot: ann bob",
        "cancel item: ann bob",
        "cancel money: ann bob",
        "settle: ann bob",
      ])
    }))

  it.effect("is checked before each request, also before that of the next step", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 5_000, reserve: { money: [after(6_000, "reserved")] } },
        bob: {},
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.sent().slice(1, 4), [
        "reserve item: bob",
        "reserve slot: bob",
        "abort: ann, complete: bob",
      ])
    }))

  it.effect("ends no compensation and no decision", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: {
          deadlineMs: 5_000,
          reserve: { item: ["rejected"] },
          register: times(12, unavailable),
          cancel: { money: times(12, unavailable) },
        },
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.isAbove(sagas.sentAtMs("ann", "abort").at(-1)!, 30_000)
      assert.strictEqual(sagas.decisions[0]?.reason, "Can not reserve the item")
    }))
})
