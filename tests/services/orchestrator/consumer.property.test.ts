/**
 * Whatever becomes of its waves, the consumer loses no order and no place: random takes, outages,
 * refusals, defects, doubles and a queue that takes nothing back; then all is mended, and
 * everything must have ended, and two waves be in flight again.
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
import { away, pass, world } from "./consumer-world.ts"
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

const fates = ["good", "good", "good", "rejected", "poison", "unknown", "double"] as const

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
  { weight: 2, arbitrary: fc.record({ mend: fc.constantFrom(...kinds) }) },
  { weight: 1, arbitrary: fc.record({ queueIsAway: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ ms: fc.integer({ min: 1, max: 20_000 }) }) },
)

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never
type World = Effect.Success<typeof world>

/** A shop that lives through the events; what each order was to come to. */
const live = Effect.fnUntraced(function* (shop: World, events: ReadonlyArray<Event>, most: number) {
  let queueIsAway = false
  const unlessAway = <A>(effect: Effect.Effect<A, QueueUnavailable>) =>
    Effect.suspend(() => queueIsAway ? Effect.fail(away) : effect)
  yield* shop.start(most, (queue) => ({
    ...queue,
    acknowledge: (ids) => unlessAway(queue.acknowledge(ids)),
    deadLetter: (letters) => unlessAway(queue.deadLetter(letters)),
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
      const doubles = placed.filter((_, n) => event.publish[n] === "double")
      placed.push(...orders)
      yield* shop.publish([...orders, ...doubles.map((one) => ({ ...one, republished: 1 }))])
    }
    if ("hold" in event) shop.holds.add(event.hold)
    if ("fail" in event) shop.fails.set(event.fail, failures[event.how]!)
    if ("mend" in event) {
      shop.fails.delete(event.mend)
      yield* shop.release(event.mend)
    }
    if ("queueIsAway" in event) queueIsAway = event.queueIsAway
    if ("ms" in event) yield* pass(event.ms)
  }
  queueIsAway = false
  shop.fails.clear()
  for (const kind of kinds) yield* shop.release(kind)
  for (let second = 0; second < 60; second++) yield* pass(1_000)
  return fateOf
})

describe("the consumer, whatever happens", () => {
  it(
    "ends every order, has never too many in flight, and is as good as new afterwards",
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
                // Two waves are in flight, and no more.
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
