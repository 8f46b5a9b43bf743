import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Register, registerLayer } from "#services/orchestrator/register.ts"
import type { Decision } from "#shared/contracts/decision.ts"
import { OrderId } from "#shared/contracts/order.ts"
import type { SagaStatus } from "#shared/saga/saga.ts"
import { Unavailable, Unknown } from "#shared/transient.ts"
import { built, fetchFailed } from "./scripted-service.ts"

const underTest = built<Register, Register["Service"], Decision>(
  Register,
  registerLayer({ url: new URL("http://orders.test/"), timeoutMs: 5_000 }),
  "decisions",
)

const decision = (): Decision => ({
  orderId: OrderId.make(crypto.randomUUID()),
  decision: "abort",
  reason: "Order timed out",
  timeline: [],
})

const json = (body: unknown, status = 200) => Promise.resolve(Response.json(body, { status }))

describe("the register, as sagas call it", () => {
  it.live("is sent the decision as it is, and answers with the state that holds", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      for (
        const status of ["pending", "completed", "compensating", "failed", "unknown"] as const
      ) {
        script.conduct = (decisions) =>
          json({ decisions: decisions.map(({ orderId }) => ({ orderId, status })) })
        const sent = decision()
        assert.strictEqual(yield* script.service.decide(sent), status)
        assert.deepStrictEqual(script.asked.at(-1), {
          url: "http://orders.test/internal/decisions",
          authorization: "Bearer token-for-orders",
          entries: [sent],
        })
      }
    }))

  it.live("shares requests among sagas, each of which gets its own answer", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      const statuses = new Map<string, SagaStatus>()
      script.conduct = (decisions) =>
        json({
          decisions: decisions.map(({ orderId }) => ({ orderId, status: statuses.get(orderId) })),
        })
      const decisions = Array.from({ length: 2000 }, decision)
      decisions.forEach(({ orderId }, n) =>
        statuses.set(orderId, n % 2 === 0 ? "completed" : "compensating")
      )
      const answers = yield* Effect.forEach(decisions, script.service.decide, {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual(answers, decisions.map(({ orderId }) => statuses.get(orderId)!))
      assert.isAtMost(Math.max(...script.asked.map(({ entries }) => entries.length)), 1000)
      assert.isAtMost(script.asked.length, 6)
    }))

  it.live("fails with what may be tried again, when there is no answer to go by", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      const failure = Effect.suspend(() => Effect.flip(script.service.decide(decision())))
      script.conduct = () => Promise.reject(fetchFailed("ECONNREFUSED"))
      assert.instanceOf(yield* failure, Unavailable)
      script.conduct = () => json({}, 503)
      assert.instanceOf(yield* failure, Unavailable)
      script.conduct = () => Promise.reject(fetchFailed("ECONNRESET"))
      assert.instanceOf(yield* failure, Unknown)
      script.conduct = ([one]) =>
        json({ decisions: [{ orderId: one!.orderId, status: "perhaps" }] })
      assert.instanceOf(yield* failure, Unknown)
      script.conduct = () => json({ decisions: [{ ...decision(), status: "completed" }] })
      assert.instanceOf(yield* failure, Unknown)
    }))
})
