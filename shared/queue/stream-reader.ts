/**
 * Where a consumer's entries come from, in this order: its own from before a restart, those of dead consumers, new ones.
 * Every beat it looks once through all that is pending for what nobody holds any more. A lost stream or group is made
 * again and read from its beginning; entries that are in hand already are passed over, however they come again.
 */
import { Clock, Duration, Effect } from "effect"
import { steadyMs } from "#shared/steady-time.ts"
import type { QueueUnavailable } from "./order-queue.ts"
import {
  beatMsOf,
  claimedEntries,
  commandsFor,
  type Entry,
  firstId,
  isThere,
  readEntries,
  silentConsumers,
  type StreamOptions,
} from "./stream-commands.ts"
import type { Command, CommandRefused, StreamTransport } from "./stream-transport.ts"

/** Entries that were read together. */
export interface Batch {
  readonly entries: ReadonlyArray<Entry>
  readonly redelivered: boolean
}

const nothing: Batch = { entries: [], redelivered: false }

// FLUSHALL, DEL and XGROUP DESTROY end up here; a reader that waits at that moment may be told UNBLOCKED instead.
const isLostGroup = (error: CommandRefused | QueueUnavailable): boolean =>
  /^(NOGROUP|UNBLOCKED)/.test(error.message)

const isThereAlready = (error: CommandRefused | QueueUnavailable): boolean =>
  error.message.startsWith("BUSYGROUP")

/** A function that reads up to so many entries; it may find none. Fails with CommandRefused or QueueUnavailable. */
export const makeReader = (
  transport: StreamTransport,
  options: StreamOptions,
  inHand: ReadonlySet<string>,
) => {
  const commands = commandsFor(options)
  const beatMs = beatMsOf(options.claimAfter)
  const forgetAfterMs = Duration.toMillis(options.forgetAfter)
  let ownCursor: string | undefined = firstId
  let newestId = firstId
  let claimCursor = firstId
  // By steady time.
  let claimAtMs = -Infinity
  let forgetAtMs = -Infinity

  const isNew = ([id]: Entry) => !inHand.has(id)
  const send = (command: Command) => Effect.map(transport.send([command]), ([reply]) => reply)

  const own = Effect.fnUntraced(function* (count: number) {
    while (ownCursor !== undefined) {
      const page = readEntries(yield* send(commands.readOwn(count, ownCursor)))
      ownCursor = page.at(-1)?.[0]
      const entries = page.filter(isThere).filter(isNew)
      const deleted = page.filter((entry) => !isThere(entry)).map(([id]) => id)
      // What cannot be settled now is settled by whoever looks for it when nobody holds it any more.
      if (deleted.length > 0) yield* Effect.ignore(transport.send(commands.settle(deleted)))
      if (entries.length > 0) return entries
    }
    return []
  })

  // Nobody's entries wait for it: what fails is done the next time.
  const forget = Effect.fnUntraced(function* (nowMs: number) {
    if (nowMs < forgetAtMs) return
    const silent = silentConsumers(yield* send(commands.listConsumers), forgetAfterMs)
    // What is old tells the time of day in its id.
    const trim = commands.trimDeadLetters(yield* Clock.currentTimeMillis)
    yield* transport.send([trim, ...silent.map(commands.forget)])
    forgetAtMs = nowMs + forgetAfterMs
  }, (forgetting) => Effect.ignore(forgetting))

  /**
   * An answer that did not arrive may have carried entries, which are pending under this consumer's name by now: its own are
   * read again from before where they can be, and not all of them, so that a transport that often fails gets on.
   */
  const orReadOwnAfter = (lookAfter: () => string) => <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.tapError(effect, () => Effect.sync(() => ownCursor = lookAfter()))

  // A page may hold nothing but what live consumers have, and be one of many: none of them waits for new entries.
  const claimed = Effect.fnUntraced(function* (count: number) {
    const nowMs = yield* steadyMs
    while (nowMs >= claimAtMs) {
      const reply = yield* send(commands.claim(count, claimCursor)).pipe(
        orReadOwnAfter(() => firstId),
        // New entries do not wait for it either.
        Effect.tapError(() => Effect.sync(() => claimAtMs = nowMs + beatMs)),
      )
      const { next, entries } = claimedEntries(reply)
      claimCursor = next
      if (next === firstId) {
        claimAtMs = nowMs + beatMs
        yield* forget(nowMs)
      }
      const claimed = entries.filter(isNew)
      if (claimed.length > 0) return claimed
    }
    return []
  })

  const fresh = (count: number) =>
    Effect.map(
      orReadOwnAfter(() => newestId)(
        transport.sendBlocking?.(commands.readNewBlocking(count)) ?? send(commands.readNew(count)),
      ),
      (reply) => {
        const page = readEntries(reply)
        newestId = page.at(-1)?.[0] ?? newestId
        return page.filter(isThere).filter(isNew)
      },
    )

  const createGroup = send(commands.createGroup).pipe(
    Effect.catchIf(isThereAlready, () => Effect.void),
    Effect.map(() => {
      newestId = firstId
      return nothing
    }),
  )

  return Effect.fnUntraced(
    function* (count: number) {
      const before = yield* own(count)
      const entries = before.length > 0 ? before : yield* claimed(count)
      if (entries.length > 0) return { entries, redelivered: true }
      return { entries: yield* fresh(count), redelivered: false }
    },
    Effect.catchIf(isLostGroup, () => createGroup),
  )
}
