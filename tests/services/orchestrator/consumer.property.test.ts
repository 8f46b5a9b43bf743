/**
 * The consumer with random orders, outages, refusals, defects, duplicates, and a queue that accepts
 * no acknowledgement. Then all failures stop: every order must end, and two waves must be in flight
 * again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import type { OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { QueueUnavailable } from "#shared/queue/order-queue.ts"
import { Misconfigured, OutcomeUnknown } from "#shared/transient.ts"
import { someOrders } from "#tests/shared/queue/subjects.ts"
import { pass, queueUnavailable, world } from "./consumer-world.ts"
import { isAway, type RequestKind } from "./scripted-callees.ts"

const kinds = [
  "reserve billing",
  "reserve items",
  "reserve slots",
  "decide",
  "cancel items",
  "cancel billing",
] as const satisfies ReadonlyArray<RequestKind>

const failures = [
  isAway,
  new OutcomeUnknown({ message: "no answer" }),
  new Misconfigured({ message: "401" }),
  new Error("a defect"),
]

const fates = ["good", "good", "good", "rejected", "poison", "unknown", "duplicate"] as const

const event = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      publish: fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ hold: fc.constantFrom(...kinds) }) },
  {
    weight: 2,
    arbitrary: fc.record({ fail: fc.constantFrom(...kinds), how: fc.nat(failures.length - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ repair: fc.constantFrom(...kinds) }) },
  { weight: 1, arbitrary: fc.record({ isQueueAvailable: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ ms: fc.integer({ min: 1, max: 20_000 }) }) },
)

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never
type World = Effect.Success<typeof world>

/** Lets a shop live through the events, and then recover. Returns the fate of each order. */
const live = Effect.fnUntraced(function* (shop: World, events: ReadonlyArray<Event>, most: number) {
  let isQueueAvailable = true
  const whenAvailable = <A>(effect: Effect.Effect<A, QueueUnavailable>) =>
    Effect.suspend(() => isQueueAvailable ? effect : Effect.fail(queueUnavailable))
  yield* shop.start(most, (queue) => ({
    ...queue,
    acknowledge: (ids) => whenAvailable(queue.acknowledge(ids)),
    deadLetter: (letters) => whenAvailable(queue.deadLetter(letters)),
  }))
  const fateOf = new Map<OrderId, typeof fates[number]>()
  const placed: Array<OrderMessage> = []
  for (const event of events) {
    if ("publish" in event) {
      const orders = someOrders(event.publish.length)
      orders.forEach(({ orderId }, n) => {
        const fate = event.publish[n]!
        if (fate === "rejected") shop.rejects.set(orderId, "slots")
        if (fate === "poison") shop.poison.set(orderId, "items")
        if (fate === "unknown") shop.statuses.set(orderId, "unknown")
        fateOf.set(orderId, fate)
      })
      const duplicates = placed.filter((_, n) => event.publish[n] === "duplicate")
      placed.push(...orders)
      yield* shop.publish([...orders, ...duplicates.map((one) => ({ ...one, republished: 1 }))])
    }
    if ("hold" in event) shop.holds.add(event.hold)
    if ("fail" in event) shop.fails.set(event.fail, failures[event.how]!)
    if ("repair" in event) {
      shop.fails.delete(event.repair)
      yield* shop.release(event.repair)
    }
    if ("isQueueAvailable" in event) isQueueAvailable = event.isQueueAvailable
    if ("ms" in event) yield* pass(event.ms)
  }
  isQueueAvailable = true
  shop.fails.clear()
  for (const kind of kinds) yield* shop.release(kind)
  for (let second = 0; second < 60; second++) yield* pass(1_000)
  return fateOf
})

describe("the consumer through random failures", () => {
  it(
    "ends every order, never has too many in flight, and works as before afterwards",
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(event, { minLength: 1, maxLength: 30 }),
          fc.integer({ min: 2, max: 20 }),
          (events, most) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const shop = yield* world
                const fateOf = yield* live(shop, events, most)
                assert.isAtMost(shop.mostInHand(), most)
                assert.strictEqual(shop.stream.unacknowledged, 0)
                const buried = new Set(shop.letters().map(([orderId]) => orderId))
                for (const [orderId, fate] of fateOf) {
                  if (fate === "poison" || fate === "unknown") {
                    assert.isTrue(buried.has(orderId), fate)
                  }
                  if (buried.has(orderId)) {
                    continue
                  }
                  const end = fate === "rejected" ? "failed" : "completed"
                  assert.strictEqual(shop.statuses.get(orderId), end)
                }
                // Two waves are in flight, not more.
                shop.holds.add("reserve billing")
                const before = shop.begun().length
                for (const order of someOrders(3)) yield* shop.publish([order])
                assert.strictEqual(shop.begun().length, before + 2)
                yield* shop.release("reserve billing")
                assert.strictEqual(shop.stream.unacknowledged, 0)
              }).pipe(Effect.scoped, Effect.provide(TestClock.layer())),
            ),
        ),
        { numRuns: 150 },
      ),
  )
})
