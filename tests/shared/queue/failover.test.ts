/**
 * A Redis that is no longer the right one: it became a replica, or left the cluster. By then the
 * address leads to the right one, but every open connection would stay with the wrong one for as
 * long as it lives.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted, Schedule, type Scope } from "effect"
import { type OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { redisOrderQueue } from "#shared/queue/redis-streams.ts"
import { upstashOrderQueue } from "#shared/queue/upstash-streams.ts"
import { type RedisPair, redisPair, whyNoPair } from "#tests/support/redis-failover.ts"
import { openSwitchboard } from "#tests/support/switchboard.ts"
import { startUpstashFront } from "#tests/support/upstash-front.ts"
import { anOrder, someOrders } from "./subjects.ts"

type Queue = OrderQueue["Service"]
const options = {
  stream: "orders",
  group: "testers",
  consumer: "a",
  claimAfter: Duration.minutes(1),
  forgetAfter: Duration.hours(1),
  deadLettersFor: Duration.days(30),
}

/** A driver in front of a pair. */
interface Way {
  readonly queue: Queue
  /** Routes the driver's address to the new primary. */
  readonly switch: () => void
}

const front = ({ url }: { readonly url: string }) =>
  Effect.acquireRelease(
    Effect.promise(() => startUpstashFront(url, "token")),
    ({ stop }) => Effect.promise(stop),
  )

const ways: Record<string, (pair: RedisPair) => Effect.Effect<Way, never, Scope.Scope>> = {
  ioredis: Effect.fnUntraced(function* ({ board, replica }: RedisPair) {
    return {
      queue: yield* redisOrderQueue(new URL(board.url), options),
      switch: () => board.switchTo(replica.url),
    }
  }),
  "@upstash/redis": Effect.fnUntraced(function* ({ primary, replica }: RedisPair) {
    const [one, other] = [yield* front(primary), yield* front(replica)]
    const board = yield* openSwitchboard(one.url)
    return {
      queue: yield* upstashOrderQueue(new URL(board.url), Redacted.make("token"), options),
      switch: () => board.switchTo(other.url),
    }
  }),
  "the front that Compose has for Upstash": Effect.fnUntraced(
    function* ({ board, replica }: RedisPair) {
      const { url } = yield* front(board)
      return {
        queue: yield* upstashOrderQueue(new URL(url), Redacted.make("token"), options),
        switch: () => board.switchTo(replica.url),
      }
    },
  ),
}

const patiently = Effect.retry(Schedule.spaced("20 millis"))
const ordersOf = (items: ReadonlyArray<{ readonly message: { readonly orderId: string } }>) =>
  items.map(({ message }) => message.orderId)

describe.skipIf(whyNoPair !== undefined).concurrent.each(Object.entries(ways))(
  `${whyNoPair ?? "a failover behind one address"}, over %s`,
  (_, way) => {
    it.live(
      "causes no errors: entries in hand are settled, and new ones are taken",
      () =>
        Effect.gen(function* () {
          const pair = yield* redisPair
          const { queue, ...rest } = yield* way(pair)
          const orders = someOrders(3)
          yield* queue.publish(orders)
          const held = yield* queue.take(3)
          assert.deepStrictEqual(ordersOf(held), ordersOf(orders.map((message) => ({ message }))))
          const [acknowledged, dead, last] = held
          yield* pair.changeRoles
          rest.switch()
          yield* queue.ping
          yield* queue.acknowledge([acknowledged!.entryId])
          yield* queue.deadLetter([{ delivery: dead!, cause: "a defect" }])
          const order = anOrder()
          yield* queue.publish([order])
          assert.deepStrictEqual(ordersOf(yield* queue.take(3)), [order.orderId])
          yield* queue.acknowledge([last!.entryId])
        }),
    )

    it.live(
      "is reported by readiness until the address leads to the new primary",
      () =>
        Effect.gen(function* () {
          const pair = yield* redisPair
          const { queue, ...rest } = yield* way(pair)
          yield* queue.publish([anOrder()])
          yield* queue.take(1)
          yield* pair.changeRoles
          for (
            const command of [queue.ping, queue.publish([anOrder()]), queue.take(1), queue.ping]
          ) {
            const error = yield* Effect.flip(command)
            assert.instanceOf(error, QueueUnavailable)
            assert.match(error.message, /^The order queue refused a command \(READONLY [^\n]+$/)
          }
          rest.switch()
          yield* queue.ping
          const order = anOrder()
          yield* queue.publish([order])
          const taken = yield* queue.take(10)
          assert.deepStrictEqual(ordersOf(taken), [order.orderId])
        }),
    )

    it.live(
      "ends a consumer's wait on the old primary",
      () =>
        Effect.gen(function* () {
          const pair = yield* redisPair
          const { queue, ...rest } = yield* way(pair)
          yield* queue.publish([anOrder()])
          yield* queue.take(1)
          const waiting = yield* Effect.forkChild(patiently(queue.take(1)), {
            startImmediately: true,
          })
          rest.switch()
          yield* pair.changeRoles
          const order = anOrder()
          yield* patiently(queue.publish([order]))
          assert.deepStrictEqual(ordersOf(yield* Fiber.join(waiting)), [order.orderId])
        }),
    )
  },
)
