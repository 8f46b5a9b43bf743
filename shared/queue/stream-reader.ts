/**
 * Reads a consumer's entries, in this order: its own from before a restart, those of dead
 * consumers, new ones. At every heartbeat it scans all pending entries once for those that nobody
 * holds any more. A lost stream or group is created again and read from its beginning; entries
 * already in hand are skipped, however they return.
 */
import { Clock, Duration, Effect } from "effect"
import { steadyMs } from "#shared/steady-time.ts"
import type { QueueUnavailable } from "./order-queue.ts"
import {
  beatMsOf,
  claimedEntries,
  commandsFor,
  firstId,
  isThere,
  readEntries,
  silentConsumers,
  type StreamEntry,
  type StreamOptions,
} from "./stream-commands.ts"
import type { CommandRefused, RedisCommand, StreamTransport } from "./stream-transport.ts"

/** Entries that were read together. */
export interface Batch {
  readonly entries: ReadonlyArray<StreamEntry>
  readonly redelivered: boolean
}

const nothing: Batch = { entries: [], redelivered: false }

// The error after FLUSHALL, DEL and XGROUP DESTROY; a reader that blocks at that moment may get
// UNBLOCKED instead.
const isLostGroup = (error: CommandRefused | QueueUnavailable): boolean =>
  /^(NOGROUP|UNBLOCKED)/.test(error.message)

const isThereAlready = (error: CommandRefused | QueueUnavailable): boolean =>
  error.message.startsWith("BUSYGROUP")

/**
 * Makes the function that reads up to `count` entries, perhaps none. Fails with CommandRefused or
 * QueueUnavailable.
 */
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

  const isNew = ([id]: StreamEntry) => !inHand.has(id)
  const send = (command: RedisCommand) => Effect.map(transport.send([command]), ([reply]) => reply)

  const own = Effect.fnUntraced(function* (count: number) {
    while (ownCursor !== undefined) {
      const page = readEntries(yield* send(commands.readOwn(count, ownCursor)))
      ownCursor = page.at(-1)?.[0]
      const entries = page.filter(isThere).filter(isNew)
      const deleted = page.filter((entry) => !isThere(entry)).map(([id]) => id)
      // If settling fails now, the consumer that claims these entries later settles them.
      if (deleted.length > 0) yield* Effect.ignore(transport.send(commands.settle(deleted)))
      if (entries.length > 0) return entries
    }
    return []
  })

  // Failures are ignored, so that no entry waits for this: the next run tries again.
  const forget = Effect.fnUntraced(function* (nowMs: number) {
    if (nowMs < forgetAtMs) return
    const silent = silentConsumers(yield* send(commands.listConsumers), forgetAfterMs)
    // The id of a letter holds the time of day, so steady time would not do.
    const trim = commands.trimDeadLetters(yield* Clock.currentTimeMillis)
    yield* transport.send([trim, ...silent.map(commands.forget)])
    forgetAtMs = nowMs + forgetAfterMs
  }, (forgetting) => Effect.ignore(forgetting))

  /**
   * A lost reply may have carried entries, which are now pending under this consumer's name. Its
   * own entries are read again, but only from where the lost ones can be, so that an unreliable
   * transport makes progress.
   */
  const orReadOwnAfter = (lookAfter: () => string) => <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.tapError(effect, () => Effect.sync(() => ownCursor = lookAfter()))

  // A page may contain only entries of live consumers, and be one of many: all pages are scanned
  // before waiting for new entries.
  const claimed = Effect.fnUntraced(function* (count: number) {
    const nowMs = yield* steadyMs
    while (nowMs >= claimAtMs) {
      const reply = yield* send(commands.claim(count, claimCursor)).pipe(
        orReadOwnAfter(() => firstId),
        // After a failure, new entries do not wait for the scan.
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
