/**
 * What counts as an order message: everything that is read off the queue can be sent to all
 * services that its saga calls.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as fc from "fast-check"
import { DecisionRequest, packed } from "#shared/contracts/decision.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { orderSaga, stepsInForce } from "#shared/contracts/order-saga.ts"
import { ReservationRequest } from "#shared/contracts/reservation.ts"
import { decodeStrictly, readJson } from "#shared/http/body.ts"
import { decodeEntry, encodeEntry } from "#shared/queue/entry.ts"
import { currentTraceparent } from "#shared/telemetry/trace.ts"
import { anOrder } from "./subjects.ts"

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
const decode = (message: unknown) => decodeEntry(["message", JSON.stringify(message)])
const refusal = (message: unknown) => Result.getOrThrow(Result.flip(decode(message)))

/** The bodies that an order's saga sends: to its participants, and to the register. */
const requestsFor = ({ orderId, steps, ...content }: OrderMessage) => ({
  commands: orderSaga.filter(({ step }) => steps.includes(step)).flatMap(({ takes }) => {
    const [resource, quantity] = takes(content)
    return (["reserve", "cancel"] as const).map((action) => ({
      ...{ orderId, action, resource, quantity },
    }))
  }),
  decisions: (["ask", "complete", "abort", "settle"] as const).map((decision) => ({
    ...{ orderId, decision, timeline: [] },
  })),
})

const decodeReservations = decodeStrictly(ReservationRequest, "request")
const decodeDecisions = decodeStrictly(DecisionRequest, "request")

/** What the HTTP edge makes of the JSON. */
const atTheEdge = (body: unknown) =>
  readJson(
    new Request("http://billing", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
    1_000_000,
  )

const texts = ["", "a\0b", "\ud83d", "\udc00x", "é".repeat(150), "😀".repeat(76), "x".repeat(151)]
const numbers = [0, -1, 0.5, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e300, -(2 ** 53)]
const steps = [...stepsInForce, "gift", "", 1]
const oddities = fc.oneof(
  fc.constantFrom<unknown>(...texts, ...numbers, null, true, [], {}, traceparent),
  fc.string({ unit: "binary", maxLength: 160 }),
  fc.double(),
)
/** Mostly the given value, or one of its kind, and sometimes anything. */
const mostly = (arbitrary: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 9, arbitrary }, { weight: 1, arbitrary: oddities })
const messages = fc.record({
  orderId: mostly(fc.uuid()),
  username: mostly(fc.string({ unit: "binary", minLength: 1, maxLength: 8 })),
  amountMinor: mostly(fc.integer({ min: 1 })),
  details: mostly(fc.record({
    item: mostly(fc.integer({ min: 1, max: 2 ** 31 - 1 })),
    slot: mostly(fc.constantFrom("00:00", "09:00", "23:59")),
    other: oddities,
  }, { requiredKeys: ["item", "slot"] })),
  steps: mostly(fc.oneof(
    fc.subarray([...stepsInForce], { minLength: 1 }),
    fc.array(fc.constantFrom<unknown>(...steps), { maxLength: 3 }),
  )),
  createdAtMs: mostly(fc.integer({ min: 0 })),
  republished: mostly(fc.nat()),
  traceparent: mostly(fc.constant(traceparent)),
}, { requiredKeys: ["orderId", "username", "amountMinor", "details", "steps", "createdAtMs"] })

describe("decodeEntry", () => {
  it("gives back what was encoded", () => {
    for (const order of [anOrder(), { ...anOrder(), traceparent }]) {
      assert.deepStrictEqual(decodeEntry(encodeEntry(order)), Result.succeed(order))
    }
  })

  it.effect("accepts only messages whose requests the participants and the register accept", () =>
    Effect.promise(async () => {
      const seen = { taken: 0, refused: 0 }
      const holds = async (message: unknown) => {
        const decoded = decode(message)
        if (Result.isFailure(decoded)) {
          seen.refused++
          assert.match(decoded.failure.cause, /^the message is not|^this orchestrator does not/)
          assert.notInclude(decoded.failure.cause, "\n")
          return
        }
        seen.taken++
        const { commands, decisions } = requestsFor(decoded.success)
        await Effect.runPromise(Effect.gen(function* () {
          assert.deepStrictEqual(
            yield* Effect.flatMap(atTheEdge({ commands }), decodeReservations),
            { commands },
          )
          assert.deepStrictEqual(
            yield* Effect.flatMap(atTheEdge(packed(decisions)), decodeDecisions),
            packed(decisions),
          )
        }))
      }
      await fc.assert(fc.asyncProperty(messages, holds), { numRuns: 3_000 })
      assert.isAbove(seen.taken, 300)
      assert.isAbove(seen.refused, 300)
    }))

  it("accepts whatever is just within the bounds", () => {
    const max = Number.MAX_SAFE_INTEGER
    for (
      const change of [
        { username: "x".repeat(150) },
        { username: "😀 O'Hara\n" },
        { amountMinor: 1 },
        { amountMinor: max },
        { createdAtMs: 0 },
        { republished: max },
        { steps: ["item"] },
        { details: { item: 2 ** 31 - 1, slot: "23:59" } },
        { details: { item: 1, slot: "09:00", ofALaterVersion: true } },
      ]
    ) {
      assert.isTrue(Result.isSuccess(decode({ ...anOrder(), ...change })), JSON.stringify(change))
    }
  })

  it.each<[field: string, value: unknown]>([
    ["orderId", "0193A1B2-1234-7ABC-8DEF-0123456789AB"],
    ["orderId", "0193a1b2-1234-7abc-8def-0123456789ab\n"],
    ["orderId", 7],
    ["username", ""],
    ["username", "x".repeat(151)],
    ["username", "x".repeat(1_000)],
    ["username", "a\0b"],
    ["username", "\ud83d"],
    ["username", "\ude00\ud83d"],
    ["amountMinor", 0],
    ["amountMinor", 1.5],
    ["amountMinor", 2 ** 53],
    ["amountMinor", "100"],
    ["details", { item: 0, slot: "09:00" }],
    ["details", { item: 2 ** 31, slot: "09:00" }],
    ["details", { item: 1, slot: "24:00" }],
    ["details", null],
    ["steps", []],
    ["steps", ["slot", "money"]],
    ["steps", ["money", "money"]],
    ["steps", "money"],
    ["createdAtMs", -1],
    ["createdAtMs", 2 ** 53 - 1],
    ["createdAtMs", 1e300],
    ["republished", -1],
    ["republished", 0.5],
    ["traceparent", ""],
    ["traceparent", "x".repeat(1_000)],
    ["traceparent", `${traceparent}\0`],
    ["traceparent", traceparent.toUpperCase()],
  ])("refuses a message whose %s is %j, and names the field in one line", (field, value) => {
    const { cause } = refusal({ ...anOrder(), [field]: value })
    assert.match(cause, new RegExp(`^the message is not an order message: [^\\n]+\\["${field}"\\]`))
    assert.isAtMost(cause.length, 300)
  })

  it("finds an entry's order wherever the entry names it", () => {
    const order = anOrder()
    assert.strictEqual(refusal({ ...order, amountMinor: 0 }).orderId, order.orderId)
    assert.strictEqual(refusal({ orderId: order.orderId }).orderId, order.orderId)
    for (const other of [null, 1, "x", [], {}, { orderId: "1" }, { orderId: [order.orderId] }]) {
      assert.isUndefined(refusal(other).orderId)
    }
    const broken = decodeEntry(["message", JSON.stringify(order).slice(0, -1)])
    assert.isUndefined(Result.getOrThrow(Result.flip(broken)).orderId)
  })

  it("says so when an order has a step that is not known here yet", () => {
    const order = { ...anOrder(), steps: ["money", "gift", "slot"] }
    assert.deepStrictEqual(refusal(order), {
      cause: 'this orchestrator does not know the step "gift": it is older than the order; ' +
        "the order is published again",
      orderId: order.orderId,
    })
    assert.match(refusal({ ...order, username: "" }).cause, /^the message is not .*\["username"\]/)
  })

  it.effect("accepts the traceparent of any span", () =>
    Effect.gen(function* () {
      const traceparent = yield* Effect.withSpan(currentTraceparent, "an order")
      assert.isTrue(Result.isSuccess(decode({ ...anOrder(), traceparent })))
      assert.isString(traceparent)
    }))
})
