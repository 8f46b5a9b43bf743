/**
 * What a consumer has in hand. An entry is in hand from the moment it was read until it is settled: every beat the hold
 * on it is renewed, and nobody else may claim it. Reading is no part of the `take` that asked for it: a take that is
 * interrupted leaves the read going, and what it brings is kept for the next take. On a clean close everything in hand
 * is let go of, so that others claim it without waiting, and the consumer's name goes if nothing is pending under it.
 */
import { Effect, Fiber, Result, Schedule, Semaphore } from "effect"
import { logDeadLetter } from "./dead-letters.ts"
import { decodeEntry } from "./entry.ts"
import type { Delivery, QueueUnavailable } from "./order-queue.ts"
import { beatMsOf, commandsFor, type Poison, type StreamOptions } from "./stream-commands.ts"
import { type Batch, makeReader } from "./stream-reader.ts"
import type { CommandRefused, StreamTransport } from "./stream-transport.ts"

// Where a read cannot wait on the server it is asked for again: soon at first, every second in the end.
const polls = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")])

/** The consumer's side of a stream. It joins the group with its first `take`, and not before. */
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
    // Poison that cannot be buried now stays pending, out of the way, and is claimed again later.
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
    // A beat that fails is made up for by the next one; what went wrong shows where entries are read.
    Effect.ignore,
    Effect.repeat(Schedule.spaced(beatMsOf(options.claimAfter))),
    Effect.forkScoped,
  )

  return { take, settle, bury }
})
