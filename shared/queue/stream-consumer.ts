/**
 * The entries that a consumer has in hand: from being read until they are settled. Every heartbeat
 * renews the hold on them, so that nobody else claims them. A read outlives the `take` that started
 * it: if the take is interrupted, the entries are kept for the next one. A clean close releases
 * everything in hand, so that others claim it at once, and removes the consumer's name if nothing
 * is pending under it.
 */
import { Effect, Fiber, Result, Schedule, Semaphore } from "effect"
import { logDeadLetter } from "./dead-letters.ts"
import { decodeEntry } from "./entry.ts"
import type { Delivery, QueueUnavailable } from "./order-queue.ts"
import { beatMsOf, commandsFor, type Poison, type StreamOptions } from "./stream-commands.ts"
import { type Batch, makeReader } from "./stream-reader.ts"
import type { CommandRefused, StreamTransport } from "./stream-transport.ts"

// Polling, where a read cannot block on the server: often at first, every second in the end.
const polls = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")])

/** A consumer of a stream. It joins the group with its first `take`. */
export const makeConsumer = Effect.fnUntraced(function* (
  transport: StreamTransport,
  options: StreamOptions,
) {
  const commands = commandsFor(options)
  const inHand = new Set<string>()
  const ready: Array<Delivery> = []
  const read = makeReader(transport, options, inHand)

  const settle = (ids: ReadonlyArray<string>) =>
    Effect.map(
      transport.send(commands.settle(ids)),
      () => ids.forEach((id) => inHand.delete(id)),
    )

  const bury = Effect.fnUntraced(function* (poison: ReadonlyArray<Poison>) {
    const [reply] = yield* transport.send([commands.bury(poison)])
    const isOwn = reply as ReadonlyArray<0 | 1>
    for (const { id } of poison) inHand.delete(id)
    for (const [n, { id, orderId, cause }] of poison.entries()) {
      if (isOwn[n] === 1) yield* logDeadLetter(id, orderId, cause)
    }
  })

  const sort = ({ entries, redelivered }: Batch) => {
    const poison: Array<Poison> = []
    for (const [id, fields] of entries) {
      const decoded = decodeEntry(fields)
      if (Result.isFailure(decoded)) {
        poison.push({ id, fields, ...decoded.failure })
      } else {
        inHand.add(id)
        ready.push({ entryId: id, message: decoded.success, redelivered })
      }
    }
    if (poison.length === 0) return Effect.void
    // Poison that cannot become a dead letter now stays pending, and is claimed again later.
    return Effect.catch(
      bury(poison),
      ({ message }) => Effect.logWarning(`No dead letters can be written: ${message}`),
    )
  }

  let reading: Fiber.Fiber<unknown, CommandRefused | QueueUnavailable> | undefined
  let joined = false
  const scope = yield* Effect.scope
  const fill = (max: number) =>
    Effect.flatMap(read(max), sort).pipe(
      Effect.repeat({
        until: () => ready.length > 0,
        schedule: transport.sendBlocking === undefined ? polls : Schedule.forever,
      }),
      Effect.ensuring(Effect.sync(() => reading = undefined)),
    )
  const turn = Semaphore.makeUnsafe(1)
  const take = Effect.fnUntraced(function* (max: number) {
    joined = true
    while (ready.length === 0) {
      reading ??= yield* Effect.forkIn(fill(max), scope)
      yield* Fiber.join(reading)
    }
    return ready.splice(0, max)
  }, turn.withPermit)

  const leave = Effect.gen(function* () {
    if (inHand.size > 0) yield* transport.send(commands.release([...inHand]))
    if (joined) yield* transport.send([commands.forget(options.consumer)])
  })
  yield* Effect.addFinalizer(() => Effect.ignore(leave))
  yield* Effect.suspend(() =>
    inHand.size === 0 ? Effect.void : transport.send(commands.renew([...inHand]))
  ).pipe(
    // The next heartbeat makes up for a failed one; errors are reported where entries are read.
    Effect.ignore,
    Effect.repeat(Schedule.spaced(beatMsOf(options.claimAfter))),
    Effect.forkScoped,
  )

  return { take, settle, bury }
})
