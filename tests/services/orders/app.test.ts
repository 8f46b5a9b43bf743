import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { type Decision, DecisionRequest, packed, unpacked } from "#shared/contracts/decision.ts"
import type { TimelineEntry } from "#shared/contracts/order-state.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { place, sharedOrders, someone, tokenOf } from "./running-orders.ts"

const orders = sharedOrders()

describe("GET /api/orders/{id}", () => {
  it.live("is the same 404 for an unknown order and for another user's", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders(), { user: someone() })
      const answers = yield* Effect.forEach(
        [id, crypto.randomUUID()],
        (id) => orders().call(`/api/orders/${id}`, { headers: { "x-request-id": "test" } }),
      )
      assert.deepStrictEqual(answers.map(({ status }) => status), [404, 404])
      assert.deepStrictEqual(answers[0]!.body, answers[1]!.body)
      assert.strictEqual(answers[0]!.body.code, "order_not_found")
    }))

  it.live.each([
    "1",
    "not-an-id",
    `${crypto.randomUUID()}x`,
    "%00",
    crypto.randomUUID().toUpperCase(),
  ])(
    "refuses %s as an id",
    (id) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* orders().call(`/api/orders/${id}`)).status, 400)
      }),
  )

  it.live("shows the timeline, and where a compensation is stuck", () =>
    Effect.gen(function* () {
      const { id: orderId } = yield* place(orders())
      const entry = { attempts: 1, at: "2026-01-02T03:04:05.678Z", durationMs: 12 }
      const reserved = { step: "money", action: "reserve", outcome: "reserved", ...entry } as const
      const rejected = { step: "item", action: "reserve", outcome: "rejected", ...entry } as const
      const cancelled = { step: "money", action: "cancel", outcome: "cancelled", ...entry } as const
      const stuck = {
        step: "money",
        cause: "billing cannot be reached",
        attempts: 7,
        nextAttemptAt: "2026-01-02T03:04:35.678Z",
      } as const
      yield* orders().decide(
        {
          orderId,
          decision: "abort",
          reason: "Can not reserve the item",
          timeline: [reserved, rejected],
        },
        { orderId, decision: "abort", stuck },
      )
      const compensating = yield* orders().call(`/api/orders/${orderId}`)
      assert.deepInclude(compensating.body, {
        status: "compensating",
        success: null,
        reason: "Can not reserve the item",
        decidedAt: null,
        timeline: [reserved, rejected],
        stuck,
      })
      yield* orders().decide({ orderId, decision: "settle", timeline: [cancelled] })
      const failed = yield* orders().call(`/api/orders/${orderId}`)
      assert.deepInclude(failed.body, {
        status: "failed",
        success: false,
        reason: "Can not reserve the item",
        timeline: [reserved, rejected, cancelled],
        stuck: null,
      })
      assert.approximately(Date.parse(failed.body.decidedAt), Date.now(), 5000)
    }))
})

describe("POST /internal/decisions", () => {
  it.live("is for the orchestrator only", () =>
    Effect.gen(function* () {
      const ask = { orderId: crypto.randomUUID(), decision: "ask", timeline: 0 }
      const body = { decisions: [ask], timelines: [[]] }
      const token = yield* Effect.promise(() => tokenOf("ann"))
      for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
        const { status } = yield* orders().call("/internal/decisions", {
          user: null,
          body,
          headers,
        })
        assert.strictEqual(status, 401)
      }
    }))
})

describe("a request with decisions", () => {
  const decodes = Schema.decodeUnknownResult(DecisionRequest)
  const entry: TimelineEntry = {
    step: "money",
    action: "reserve",
    outcome: "reserved",
    attempts: 1,
    at: "2026-01-02T03:04:05.678Z",
    durationMs: 12,
  }
  const decisionOf = (timeline: Decision["timeline"]): Decision => ({
    orderId: OrderId.make(crypto.randomUUID()),
    decision: "complete",
    timeline,
  })

  it("carries each timeline once, and gives each decision its own", () => {
    const other = { ...entry, outcome: "rejected" as const }
    const timelines = [[entry, other], [], [entry, other], [other, entry], [entry], []]
    const decisions = timelines.map(decisionOf)
    const request = packed(decisions)
    assert.deepStrictEqual(request.decisions.map(({ timeline }) => timeline), [0, 1, 0, 2, 3, 1])
    assert.strictEqual(request.timelines.length, 4)
    const decoded = decodes(JSON.parse(JSON.stringify(request)))
    assert.deepStrictEqual(Result.map(decoded, unpacked), Result.succeed(decisions))
  })

  it("is refused when a decision refers to no timeline or to one that is missing", () => {
    const [decision] = packed([decisionOf([entry])]).decisions
    for (const timeline of [1, -1, 0.5, 1_000, "0", null, undefined, [entry]]) {
      const request = { decisions: [{ ...decision, timeline }], timelines: [[entry]] }
      assert.isTrue(Result.isFailure(decodes(request)), JSON.stringify(timeline))
    }
    assert.isTrue(Result.isFailure(decodes({ decisions: [decision], timelines: [] })))
    assert.isTrue(Result.isFailure(decodes({ decisions: [decision] })))
  })
})

describe("operations", () => {
  it.live("tells whether it is ready, and what it needs", () =>
    Effect.gen(function* () {
      const { status, body } = yield* orders().call("/readyz", { user: null })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, {
        status: "ready",
        service: "orders",
        checks: { database: "ok" },
      })
    }))

  it.live("measures orders: accepted, decided, published again, unfinished", () =>
    Effect.gen(function* () {
      const { id } = yield* place(orders())
      yield* orders().decide({ orderId: id, decision: "complete" })
      const text = yield* Effect.promise(async () =>
        (await orders().app.request("/metrics")).text()
      )
      for (
        const line of [
          /^orders_decided_total\{status="completed"\} [1-9]\d*$/m,
          /^orders_republished_total \d+$/m,
          /^orders_unfinished \d+$/m,
          /^http_request_duration_seconds_count\{[^}]*route="POST \/api\/orders\/"[^}]*\} [1-9]\d*$/m,
        ]
      ) assert.match(text, line)
    }))
})
