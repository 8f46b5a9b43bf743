import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { companies } from "./company.ts"
import {
  after,
  misconfigured,
  type Scripted,
  scripted,
  times,
  unavailable,
  unknown,
} from "./scripted-sagas.ts"

const afterAbort = (sagas: Scripted, order: string) => {
  const sent = sagas.sentOf(order)
  return sent.slice(sent.indexOf("abort") + 1)
}

describe.each(companies)("a compensation of an order $company", ({ make }) => {
  it.effect("of a step without an answer is done", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ deadlineMs: 5_000, reserve: { slot: times(1_000, unknown) } })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(afterAbort(sagas, "ann"), [
        "cancel slot",
        "cancel item",
        "cancel money",
        "settle",
      ])
    }))

  it.effect("that fails is retried, and no earlier step is cancelled until it is done", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        deadlineMs: 0,
        cancel: { slot: [unavailable, unknown], item: [misconfigured] },
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(
        afterAbort(sagas, "ann").filter((call) => call !== "tell stuck"),
        [
          ...times(3, "cancel slot"),
          ...times(2, "cancel item"),
          "cancel money",
          "settle",
        ],
      )
    }))

  it.effect("is answered before that of the previous step is sent", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        reserve: { slot: ["rejected"] },
        cancel: { item: [after(4_000, "cancelled")], money: [after(4_000, "cancelled")] },
      })
      yield* sagas.runToEnd
      const [item] = sagas.sentAtMs("ann", "cancel item")
      const [money] = sagas.sentAtMs("ann", "cancel money")
      const [settle] = sagas.sentAtMs("ann", "settle")
      assert.isAtLeast(money! - item!, 4_000)
      assert.isAtLeast(settle! - money!, 4_000)
    }))

  it.effect("goes on when nobody can be told that it is stuck", () =>
    Effect.gen(function* () {
      const sagas = yield* make({
        deadlineMs: 0,
        cancel: { slot: times(5, unavailable) },
        register: ["honest", ...times(3, unavailable)],
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      assert.deepStrictEqual(sagas.sentAtMs("ann", "tell stuck").length, 3)
    }))

  it.effect("of a step that was never requested is not sent after a rejection", () =>
    Effect.gen(function* () {
      const sagas = yield* make({ reserve: { money: ["rejected"] } })
      yield* sagas.runToEnd
      assert.deepStrictEqual(afterAbort(sagas, "ann"), ["settle"])
    }))
})

describe("a compensation", () => {
  it.effect("is registered before its reserve is sent", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const see = Effect.sync(() => {
        seen.push(sagas.wave.registered)
        return "reserved" as const
      })
      const sagas = yield* scripted({
        ann: { reserve: { money: [see], item: [see], slot: [see] } },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(seen, [1, 2, 3])
    }))

  it.effect("is retried for ever, at intervals that grow to 30 seconds, with jitter", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { slot: times(60, unavailable) } },
      })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), "failed")
      const atMs = sagas.sentAtMs("ann", "cancel slot")
      const pauses = atMs.slice(1).map((ms, n) => ms - atMs[n]!)
      assert.strictEqual(pauses.length, 60)
      pauses.forEach((pauseMs, n) => {
        const nominalMs = Math.min(50 * 2 ** n, 30_000)
        assert.isAtLeast(pauseMs, nominalMs * 0.799)
        assert.isAtMost(pauseMs, nominalMs * 1.201)
      })
      assert.isAbove(new Set(pauses.slice(20)).size, 1)
      assert.isAtLeast(sagas.sentAtMs("ann", "cancel item")[0]!, atMs.at(-1)!)
    }).pipe(Random.withSeed("jitter")))

  it.effect("reports what it waits for from its third attempt on", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { item: [unknown, unknown, unavailable, unknown] } },
      })
      yield* sagas.runToEnd
      const attemptedAtMs = sagas.sentAtMs("ann", "cancel item")
      const reports = sagas.decisions.filter(({ stuck }) => stuck !== undefined)
      assert.deepStrictEqual(
        reports.map(({ stuck, ...decision }) => ({
          ...decision,
          ...stuck,
          nextAttemptAt: Date.parse(stuck!.nextAttemptAt),
        })),
        [[3, "connection refused"] as const, [4, "no answer within 5 s"] as const].map((
          [attempts, cause],
        ) => ({
          orderId: reports[0]!.orderId,
          decision: "abort" as const,
          timeline: [],
          step: "item" as const,
          cause,
          attempts,
          nextAttemptAt: Math.trunc(attemptedAtMs[attempts]!),
        })),
      )
    }))

  it.effect("is reported order by order: each that is stuck, and each that no longer is", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { item: times(4, unavailable) } },
        bob: { deadlineMs: 0, cancel: { item: times(2, unavailable) } },
        cid: { deadlineMs: 0, cancel: { item: times(3, unavailable) } },
        dan: { deadlineMs: 0, cancel: { money: times(5, unavailable) } },
      })
      yield* sagas.runToEnd
      const told = sagas.log.map(({ what }) => what).filter((what) => what.includes("stuck"))
      assert.deepStrictEqual(told.filter((what) => !/dan/.test(what)), [
        "stuck: ann cid",
        "tell stuck: ann cid",
        "no longer stuck: cid",
        "stuck: ann",
        "tell stuck: ann",
        "no longer stuck: ann",
      ])
      assert.deepStrictEqual(told.filter((what) => /dan/.test(what)), [
        ...times(3, ["stuck: dan", "tell stuck: dan"]).flat(),
        "no longer stuck: dan",
      ])
      const stuck = sagas.decisions.filter(({ stuck }) => stuck !== undefined)
      assert.isTrue(
        stuck.every(({ orderId, stuck }) =>
          stuck!.step === (orderId === "dan" as string ? "money" : "item")
        ),
      )
    }))

  it.effect("reports its own failure, not that of another one", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { item: times(3, unavailable) } },
        bob: { deadlineMs: 0, cancel: { item: times(3, unknown) } },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(
        sagas.decisions.flatMap(({ stuck }) => stuck?.cause ?? []),
        ["connection refused", "no answer within 5 s"],
      )
    }))

  it.effect("that succeeds starts with a new count at the next step", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { slot: times(2, unknown), item: times(2, unknown) } },
      })
      yield* sagas.runToEnd
      assert.notInclude(sagas.sent().join(), "stuck")
    }))
})

describe("the compensations of a wave", () => {
  it.effect("are one request for each step, the last step first", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { reserve: { item: ["rejected"] } },
        bob: {},
        cid: { reserve: { slot: ["rejected"] } },
        dan: { deadlineMs: 0 },
        eve: { reserve: { money: ["rejected"] } },
        fay: { status: "compensating" },
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual(sagas.sent(), [
        "reserve money: ann bob cid eve fay",
        "reserve item: ann bob cid fay",
        "reserve slot: bob cid fay",
        "abort: ann cid dan eve, complete: bob fay",
        "cancel slot: dan fay",
        "cancel item: cid dan fay",
        "cancel money: ann cid dan fay",
        "settle: ann cid dan eve fay",
      ])
    }))

  it.effect("do not delay an order that completes", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { reserve: { slot: ["rejected"] }, cancel: { item: [after(60_000, "cancelled")] } },
        bob: {},
      })
      yield* sagas.runToEnd
      const at = (what: string) => sagas.log.find((entry) => entry.what === what)!.atMs
      assert.strictEqual(at("completed: bob"), 0)
      assert.strictEqual(at("failed: ann"), 60_000)
    }))
})

describe("a defect in a cancel", () => {
  const defect = Effect.die(new Error("no such command"))

  it.effect.each(companies)(
    "leaves the earlier steps as they are, and settles nothing: $company",
    ({ make }) =>
      Effect.gen(function* () {
        const sagas = yield* make({
          reserve: { slot: ["rejected"] },
          cancel: { item: [unavailable, defect] },
        })
        yield* sagas.runToEnd
        assert.strictEqual(sagas.endOf("ann"), "defect: Error: no such command")
        assert.deepStrictEqual(afterAbort(sagas, "ann"), times(2, "cancel item"))
        assert.strictEqual(sagas.statusOf("ann"), "compensating")
      }),
  )

  it.effect("affects no order that went on before", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({
        ann: { deadlineMs: 0, cancel: { item: [unavailable, defect] } },
        bob: { deadlineMs: 0 },
        cid: {},
      })
      yield* sagas.runToEnd
      assert.deepStrictEqual([sagas.endOf("bob"), sagas.endOf("cid")], ["failed", "completed"])
    }))
})
