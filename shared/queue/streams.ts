/**
 * The order queue as a Redis stream with one consumer group, over any transport. At-least-once: a
 * taken entry stays pending under this consumer's name until it is acknowledged. If nobody renews
 * the hold on it for `claimAfter`, its consumer counts as dead, and another one claims it. A
 * consumer that restarts under the same name gets its own entries back at once. Two live consumers
 * of one name do no harm, but each may be given what the other holds. Entries that no consumer can
 * work on move to the stream `<stream>:dead`, which keeps the newest 10,000 letters for the time in
 * RETENTION. A letter has the fields `cause`, `entry` (the id it had) and `order` (empty if the
 * entry does not tell it), followed by those of the entry. An order has one letter, however often
 * it is published and fails again: the hash `<stream>:dead:index` has the letter's id, and
 * `<stream>:dead:count:<order>` the number of failures. The desk redrives and discards letters.
 */
import { Effect, type Scope } from "effect"
import { encodeEntry } from "./entry.ts"
import { type DeadLetter, type OrderQueue, QueueUnavailable } from "./order-queue.ts"
import type { QueueDesk } from "./queue-desk.ts"
import { commandsFor, type Poison, type StreamOptions } from "./stream-commands.ts"
import { makeConsumer } from "./stream-consumer.ts"
import { type Replicas, streamReplicas } from "./replicas.ts"
import { livingConsumers, makeStreamDesk } from "./stream-desk.ts"
import type { CommandRefused, StreamTransport } from "./stream-transport.ts"

const whenRefused = <A>(effect: Effect.Effect<A, CommandRefused | QueueUnavailable>) =>
  Effect.catchTag(effect, "CommandRefused", ({ message }) =>
    new QueueUnavailable({
      message:
        `The order queue refused a command (${message}): check the Redis server and QUEUE_URL`,
    }))

const poisonOf = ({ delivery: { entryId, message }, cause }: DeadLetter): Poison => ({
  id: entryId,
  orderId: message.orderId,
  cause,
  fields: encodeEntry(message),
})

/** The order queue with its desk and its replicas. */
export type QueueParts = OrderQueue["Service"] & QueueDesk["Service"] & {
  readonly replicas: Replicas["Service"]
}

/**
 * The order queue over a transport. A service that only publishes never becomes a consumer of the
 * group.
 */
export const makeStreamQueue = Effect.fnUntraced(function* (
  transport: StreamTransport,
  options: StreamOptions,
): Effect.fn.Return<QueueParts, never, Scope.Scope> {
  const commands = commandsFor(options)
  const consumer = yield* makeConsumer(transport, options)
  const unlessEmpty = <A>(
    items: ReadonlyArray<A>,
    effect: (items: ReadonlyArray<A>) => Effect.Effect<unknown, CommandRefused | QueueUnavailable>,
  ) => items.length === 0 ? Effect.void : Effect.asVoid(whenRefused(effect(items)))

  return {
    publish: (messages) => unlessEmpty(messages, (all) => transport.send([commands.publish(all)])),
    take: (max) => whenRefused(consumer.take(max)),
    acknowledge: (entryIds) => unlessEmpty(entryIds, consumer.settle),
    deadLetter: (letters) => unlessEmpty(letters, (all) => consumer.bury(all.map(poisonOf))),
    ping: Effect.asVoid(whenRefused(transport.send([commands.probe]))),
    volatile: false,
    ...makeStreamDesk(transport, options, whenRefused),
    replicas: streamReplicas(transport, {
      stream: options.stream,
      self: options.consumer,
      living: livingConsumers(transport, options),
      pollMs: transport.sendBlocking === undefined ? pollOverHttpMs : pollMs,
    }),
  }
})

/** How often replicas poll for questions. Over HTTP each poll is a request that may be billed. */
const pollMs = 250
const pollOverHttpMs = 1_000
