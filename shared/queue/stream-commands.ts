/**
 * The Redis commands of a stream as order queue, and the decoding of their replies. Pure: nothing
 * is sent here. An entry is deleted before it is acknowledged: if its consumer dies in between, the
 * next one to claim it finds it deleted. In the other order, it would stay in the stream for ever.
 */
import { Duration } from "effect"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { encodeEntry, type Unreadable } from "./entry.ts"
import { buryScript, forgetScript, publishScript, trimScript } from "./stream-scripts.ts"
import type { RedisCommand } from "./stream-transport.ts"

export interface StreamOptions {
  readonly stream: string
  readonly group: string
  /** The same after a restart, and used by no other live process. */
  readonly consumer: string
  /** How long the hold on an entry may go without renewal before another consumer claims it. */
  readonly claimAfter: Duration.Duration
  /** How long a consumer that holds nothing may be silent before its name is removed. */
  readonly forgetAfter: Duration.Duration
  /** How long dead letters are kept. */
  readonly deadLettersFor: Duration.Duration
}

/** An entry of a stream; the fields are names and values, alternating. */
export type StreamEntry = readonly [id: string, fields: ReadonlyArray<string>]
/** What is left of an entry that was deleted while it was pending. */
export type DeletedEntry = readonly [id: string, fields: null]

export const isThere = (entry: StreamEntry | DeletedEntry): entry is StreamEntry =>
  entry[1] !== null

/** An entry on its way to the dead letters. */
export interface Poison extends Unreadable {
  readonly id: string
  readonly fields: ReadonlyArray<string>
}

/** The start of every scan; XAUTOCLAIM also returns it at the end of one. */
export const firstId = "0-0"

/**
 * The interval of heartbeats, which renew the hold: two may be missed before another consumer
 * claims.
 */
export const beatMsOf = (claimAfter: Duration.Duration): number =>
  Math.max(1, Math.floor(Duration.toMillis(claimAfter) / 3))

/**
 * How long a read blocks for new entries: at most one heartbeat, and no longer than detecting a
 * dead connection may take.
 */
export const blockMsOf = (claimAfter: Duration.Duration): number =>
  Math.min(beatMsOf(claimAfter), 2000)

const deadLettersKept = 10_000
const idsPerCommand = 500
// The most names and values that a letter keeps of its entry: Lua's `unpack` takes only some
// thousands.
const fieldsKept = 1_000

/** The commands of one consumer on its stream. */
export const commandsFor = (options: StreamOptions) => {
  const { stream, group, consumer, claimAfter, deadLettersFor } = options
  const me = [group, consumer] as const
  const claimAfterMs = String(Duration.toMillis(claimAfter))
  const blockMs = String(blockMsOf(claimAfter))
  const deadLetters = [`${stream}:dead`, `${stream}:dead:index`] as const
  const hold = (ids: ReadonlyArray<string>, ...how: ReadonlyArray<string>) =>
    Array.from({ length: Math.ceil(ids.length / idsPerCommand) }, (_, n): RedisCommand => {
      const chunk = ids.slice(n * idsPerCommand, (n + 1) * idsPerCommand)
      return ["xclaim", stream, ...me, "0", ...chunk, ...how, "justid"]
    })
  const read = (count: number, ...how: ReadonlyArray<string>): RedisCommand => [
    ...["xreadgroup", "group", ...me, "count", String(count), ...how] as const,
  ]
  return {
    createGroup: ["xgroup", "create", stream, group, "0", "mkstream"] satisfies RedisCommand,
    /**
     * A write that changes nothing: fails on a read-only replica, and if the key is not a stream.
     */
    probe: ["xdel", stream, "0-0"] satisfies RedisCommand,
    publish: (messages: ReadonlyArray<OrderMessage>): RedisCommand => [
      ...["eval", publishScript, "1", stream] as const,
      ...messages.flatMap(encodeEntry),
    ],
    /** This consumer's pending entries after the given one. */
    readOwn: (count: number, after: string) => read(count, "streams", stream, after),
    readNew: (count: number) => read(count, "streams", stream, ">"),
    readNewBlocking: (count: number) => read(count, "block", blockMs, "streams", stream, ">"),
    claim: (count: number, from: string): RedisCommand => [
      ...["xautoclaim", stream, ...me, claimAfterMs, from, "count", String(count)] as const,
    ],
    /** Resets the idle time of the entries without counting as a delivery. */
    renew: (ids: ReadonlyArray<string>) => hold(ids),
    /** Lets others claim the entries at once. */
    release: (ids: ReadonlyArray<string>) => hold(ids, "idle", claimAfterMs),
    settle: (ids: ReadonlyArray<string>): ReadonlyArray<RedisCommand> => [
      ["xdel", stream, ...ids],
      ["xack", stream, group, ...ids],
    ],
    bury: (poison: ReadonlyArray<Poison>): RedisCommand => [
      ...["eval", buryScript, String(3 + poison.length), ...deadLetters, stream] as const,
      ...poison.map(({ id, orderId = id }) => countKey(stream, orderId)),
      ...[group, String(deadLettersKept), String(Duration.toMillis(deadLettersFor))],
      ...poison.flatMap(({ id, orderId = "", cause, fields: all }) => {
        const fields = all.slice(0, fieldsKept)
        return [id, orderId, cause, String(fields.length), ...fields]
      }),
    ],
    trimDeadLetters: (nowMs: number): RedisCommand => {
      const oldestMs = Math.max(1, nowMs - Duration.toMillis(deadLettersFor))
      return ["eval", trimScript, "2", ...deadLetters, String(Math.floor(oldestMs))]
    },
    listConsumers: ["xinfo", "consumers", stream, group] satisfies RedisCommand,
    forget: (name: string): RedisCommand => ["eval", forgetScript, "1", stream, group, name],
  }
}

/** The key of the number of failures of an order; of an entry, if it does not tell its order. */
export const countKey = (stream: string, name: string): string => `${stream}:dead:count:${name}`

/** The entries in a reply to XREADGROUP; empty after a timeout. */
export const readEntries = (reply: unknown): ReadonlyArray<StreamEntry | DeletedEntry> =>
  (reply as ReadonlyArray<readonly [string, ReadonlyArray<StreamEntry | DeletedEntry>]> | null)?.[0]
    ?.[1] ?? []

/** The reply to XAUTOCLAIM: the cursor of the scan, and the claimed entries. */
export const claimedEntries = (reply: unknown) => {
  const [next, entries] = reply as readonly [string, ReadonlyArray<StreamEntry | null>]
  // Before version 7, Redis answers null for an entry that was deleted while it was pending.
  return { next, entries: entries.filter((entry) => entry !== null) }
}

/**
 * The consumers in a reply to XINFO CONSUMERS that hold nothing and were silent for at least
 * `forMs`.
 */
export const silentConsumers = (reply: unknown, forMs: number): ReadonlyArray<string> =>
  (reply as ReadonlyArray<ReadonlyArray<string | number>>).flatMap((pairs) => {
    const of = (key: string) => pairs[pairs.findIndex((name, n) => n % 2 === 0 && name === key) + 1]
    return of("pending") === 0 && Number(of("idle")) >= forMs ? [String(of("name"))] : []
  })
