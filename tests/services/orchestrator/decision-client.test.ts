import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { DecisionClient, decisionClientLayer } from "#services/orchestrator/decision-client.ts"
import { type Decision, unpacked } from "#shared/contracts/decision.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { built, type Conduct, fetchFailed, json } from "./scripted-service.ts"

const underTest = built<DecisionClient, DecisionClient["Service"], Decision>(
  DecisionClient,
  decisionClientLayer({ url: new URL("http://orders.test/"), timeoutMs: 5_000 }),
  unpacked,
)

const anAbort = (): Decision => ({
  orderId: OrderId.make(crypto.randomUUID()),
  decision: "abort",
  reason: "Order timed out",
  timeline: [],
})

const statuses = ["pending", "completed", "compensating", "failed", "unknown"] as const

describe("the decision client", () => {
  it.live("sends the decisions unchanged, and gives the states in the answer", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      script.conduct = (decisions) =>
        json({ decisions: decisions.map(({ orderId }, n) => ({ orderId, status: statuses[n] })) })
      const sent = statuses.map(anAbort)
      assert.deepStrictEqual(
        yield* script.service.decide(sent),
        sent.map(({ orderId }, n) => ({ orderId, status: statuses[n]! })),
      )
      assert.deepStrictEqual(script.asked, [{
        url: "http://orders.test/internal/decisions",
        authorization: "Bearer token-for-orders",
        entries: sent,
      }])
    }))

  it.live("gives each decision a transient failure when there is no valid answer", () =>
    Effect.gen(function* () {
      const script = yield* underTest
      const failure = Effect.map(
        Effect.suspend(() => script.service.decide([anAbort(), anAbort()])),
        (answers) => answers.map((answer) => "_tag" in answer ? answer._tag : answer),
      )
      script.conduct = () => Promise.reject(fetchFailed("ECONNREFUSED"))
      assert.deepStrictEqual(yield* failure, ["Unavailable", "Unavailable"])
      script.conduct = () => json({}, 503)
      assert.deepStrictEqual(yield* failure, ["Unavailable", "Unavailable"])
      script.conduct = () => json({}, 404)
      assert.deepStrictEqual(yield* failure, ["Misconfigured", "Misconfigured"])
      script.conduct = () => Promise.reject(fetchFailed("ECONNRESET"))
      assert.deepStrictEqual(yield* failure, ["OutcomeUnknown", "OutcomeUnknown"])
      // The messages name no page of the protocol: none describes the register's answers.
      const wrong: ReadonlyArray<readonly [string, Conduct<Decision>]> = [
        [
          'orders answered decisions.0.status as "perhaps": expected "pending" | "completed" | ' +
          '"compensating" | "failed" | "unknown"',
          (asked) =>
            json({ decisions: asked.map(({ orderId }) => ({ orderId, status: "perhaps" })) }),
        ],
        [
          "orders answered for an order that it was not asked about in this request",
          (asked) => json({ decisions: asked.map(() => ({ ...anAbort(), status: "completed" })) }),
        ],
        ["orders answered 0 states to 2 decisions", () => json({ decisions: [] })],
      ]
      for (const [message, conduct] of wrong) {
        script.conduct = conduct
        const answers = yield* script.service.decide([anAbort(), anAbort()])
        for (const answer of answers) {
          assert.deepStrictEqual(
            "_tag" in answer && [answer._tag, answer.message],
            ["OutcomeUnknown", message],
          )
        }
      }
    }))
})
