/**
 * The desk of a Redis stream: its length and its dead letters. It never becomes a consumer of the
 * group.
 */
import { Duration, Effect, Option, Result, Schema } from "effect"
import type { DeadLetterView, QueueState, Redriven } from "#shared/contracts/queue.ts"
import { OrderId } from "#shared/contracts/order.ts"
import { decodeEntry, encodeEntry } from "./entry.ts"
import type { QueueUnavailable } from "./order-queue.ts"
import { type QueueDesk, redrivenOf } from "./queue-desk.ts"
import { countKey, type StreamEntry, type StreamOptions } from "./stream-commands.ts"
import { discardScript, redriveScript } from "./stream-scripts.ts"
import type { CommandRefused, RedisCommand, StreamTransport } from "./stream-transport.ts"

type Sending<A> = Effect.Effect<A, CommandRefused | QueueUnavailable>

const decodeOrderId = Schema.decodeUnknownOption(OrderId)

/**
 * A letter as it is in the stream; `name` is the name of its count, `payload` the fields of its
 * entry.
 */
const letterOf = ([id, fields]: StreamEntry) => {
  const isOurs = fields[0] === "cause" && fields[2] === "entry" && fields[4] === "order"
  const [cause = "", entry = id, order = ""] = isOurs ? [fields[1], fields[3], fields[5]] : []
  return {
    id,
    cause,
    order,
    name: order === "" ? entry : order,
    payload: fields.slice(isOurs ? 6 : 0),
  }
}
type Letter = ReturnType<typeof letterOf>

/** When the entry with this id was added, in milliseconds since the epoch. */
const msOf = (id: string): number => Number(id.split("-", 1)[0])

/** The server's time, by which all ids are made. */
const nowMsOf = (time: unknown): number => {
  const [seconds, micros] = (time as ReadonlyArray<string>).map(Number)
  return seconds! * 1000 + Math.floor(micros! / 1000)
}

/** The pairs in a reply to XINFO, by name. */
const pairsOf = (reply: ReadonlyArray<unknown>): ReadonlyMap<string, unknown> =>
  new Map(reply.flatMap((name, n) => n % 2 === 0 ? [[String(name), reply[n + 1]] as const] : []))

/** The desk over a transport. */
export const makeStreamDesk = (
  { send }: StreamTransport,
  { stream, group }: StreamOptions,
  whenRefused: <A>(sending: Sending<A>) => Effect.Effect<A, QueueUnavailable>,
): QueueDesk["Service"] => {
  const dead = `${stream}:dead`
  const index = `${dead}:index`

  const read = (ids: ReadonlyArray<string>): Sending<ReadonlyArray<Letter>> =>
    Effect.map(
      send(ids.map((id): RedisCommand => ["xrange", dead, id, id])),
      (replies) => (replies as ReadonlyArray<ReadonlyArray<StreamEntry>>).flat().map(letterOf),
    )

  const idOfOrder = (orderId: string): Sending<ReadonlyArray<string>> =>
    Effect.map(send([["hget", index, orderId]]), ([id]) => typeof id === "string" ? [id] : [])

  const letters = Effect.fnUntraced(
    function* ({ after, limit, orderId }: Parameters<QueueDesk["Service"]["letters"]>[0]) {
      const found = orderId === undefined
        ? yield* Effect.map(
          send([[
            "xrange",
            dead,
            after === undefined ? "-" : `(${after}`,
            "+",
            "count",
            `${limit}`,
          ]]),
          ([reply]) => (reply as ReadonlyArray<StreamEntry>).map(letterOf),
        )
        : yield* Effect.flatMap(
          idOfOrder(orderId),
          (ids) => ids.length === 0 ? Effect.succeed([]) : read(ids),
        )
      if (found.length === 0) return []
      const [counts, time] = yield* send([
        ["mget", ...found.map(({ name }) => countKey(stream, name))],
        ["time"],
      ])
      return found.map((letter, n) =>
        viewOf(letter, (counts as ReadonlyArray<string | null>)[n], nowMsOf(time))
      )
    },
  )

  const redrive = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    const found = new Map(
      (yield* read(ids)).map((letter) => [letter.id, redrivenOf(letter.payload)]),
    )
    const ready = ids.flatMap((id) => {
      const message = found.get(id)
      return message !== undefined && Result.isSuccess(message)
        ? [[id, ...encodeEntry(message.success)]]
        : []
    })
    const [done] = ready.length === 0
      ? [[]]
      : yield* send([["eval", redriveScript, "3", dead, index, stream, ...ready.flat()]])
    const isDone = new Map(ready.map(([id], n) => [id, (done as ReadonlyArray<0 | 1>)[n] === 1]))
    return ids.map((letter): Redriven => {
      const message = found.get(letter)
      return message !== undefined && Result.isFailure(message)
        ? { letter, outcome: "unreadable", cause: message.failure }
        : { letter, outcome: isDone.get(letter) === true ? "redriven" : "absent" }
    })
  })

  const discard = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    const found = yield* read(ids)
    if (found.length === 0) return []
    const keys = [dead, index, ...found.map(({ name }) => countKey(stream, name))]
    const [done] = yield* send([
      ["eval", discardScript, String(keys.length), ...keys, ...found.map(({ id }) => id)],
    ])
    return found.flatMap(({ id }, n) => (done as ReadonlyArray<0 | 1>)[n] === 1 ? [id] : [])
  })

  const countKeys = Effect.fnUntraced(function* () {
    const found: Array<string> = []
    const pattern = countKey(stream.replace(/[*?[\]\\]/g, "\\$&"), "*")
    let cursor = "0"
    do {
      const [reply] = yield* send([["scan", cursor, "match", pattern, "count", "1000"]])
      const [next, keys] = reply as readonly [string, ReadonlyArray<string>]
      found.push(...keys)
      cursor = String(next)
    } while (cursor !== "0")
    return found
  })

  const wipe = Effect.gen(function* () {
    const [entries, deadLetters] = yield* send([
      ["xlen", stream],
      ["xlen", dead],
      ["del", stream, dead, index],
    ])
    const counts = yield* countKeys()
    if (counts.length > 0) yield* send([["del", ...counts]])
    return { entries: Number(entries), deadLetters: Number(deadLetters) }
  })

  return {
    wipe: whenRefused(wipe),
    state: whenRefused(stateOf(send, stream, group)),
    letters: (page) => whenRefused(letters(page)),
    redrive: (ids) => whenRefused(redrive([...new Set(ids)])),
    discard: (ids) => whenRefused(discard([...new Set(ids)])),
  }
}

const viewOf = (
  { id, cause, order, payload }: Letter,
  count: string | null | undefined,
  nowMs: number,
): DeadLetterView => {
  const message = decodeEntry(payload)
  return {
    id,
    orderId: Option.getOrNull(decodeOrderId(order)),
    cause,
    count: Number(count ?? 1),
    buriedAt: new Date(msOf(id)).toISOString(),
    ageMs: Math.max(0, nowMs - msOf(id)),
    payload,
    unreadable: Result.isFailure(message) ? message.failure.cause : null,
  }
}

const isNoGroup = (error: CommandRefused | QueueUnavailable): boolean =>
  /^(NOGROUP|ERR no such key)/.test(error.message)

const consumersIn = (reply: unknown): QueueState["consumers"] =>
  (reply as ReadonlyArray<ReadonlyArray<unknown>>).map(pairsOf).map((pairs) => ({
    name: String(pairs.get("name")),
    inFlight: Number(pairs.get("pending")),
    idleMs: Number(pairs.get("idle")),
  }))

/**
 * The names of the consumers that were active within `claimAfter`, so that nobody claims their
 * entries.
 */
export const livingConsumers = (
  { send }: StreamTransport,
  { stream, group, claimAfter }: StreamOptions,
): Sending<ReadonlyArray<string>> =>
  send([["xinfo", "consumers", stream, group]]).pipe(
    Effect.catchIf(isNoGroup, () => Effect.succeed([[]])),
    Effect.map(([reply]) =>
      consumersIn(reply).flatMap(({ name, idleMs }) =>
        idleMs < Duration.toMillis(claimAfter) ? [name] : []
      )
    ),
  )

const stateOf = Effect.fnUntraced(
  function* (send: StreamTransport["send"], stream: string, group: string) {
    const [length, deadLetters, time, first] = yield* send([
      ["xlen", stream],
      ["xlen", `${stream}:dead`],
      ["time"],
      ["xrange", stream, "-", "+", "count", "1"],
    ])
    const ofGroup = yield* Effect.catchIf(
      send([["xinfo", "groups", stream], ["xinfo", "consumers", stream, group]]),
      isNoGroup,
      () => Effect.succeed([[], []]),
    )
    const groups = (ofGroup[0] as ReadonlyArray<ReadonlyArray<unknown>>).map(pairsOf)
    const own = groups.find((pairs) => pairs.get("name") === group)
    const inFlight = Number(own?.get("pending") ?? 0)
    const lastTaken = String(own?.get("last-delivered-id") ?? "0-0")
    const [waiting] = yield* send([["xrange", stream, `(${lastTaken}`, "+", "count", "1"]])
    const nowMs = nowMsOf(time)
    const ageOf = (entries: unknown): number => {
      const [entry] = entries as ReadonlyArray<StreamEntry>
      return entry === undefined ? 0 : Math.max(0, nowMs - msOf(entry[0]))
    }
    return {
      length: Number(length),
      // Settled entries are deleted, so an entry that is there and not pending was not taken.
      // Redis's own lag is unknown once entries were deleted ahead of the group.
      lag: Math.max(0, Number(length) - inFlight),
      inFlight,
      ageMs: ageOf(first),
      lagMs: ageOf(waiting),
      deadLetters: Number(deadLetters),
      consumers: consumersIn(ofGroup[1]),
    } satisfies QueueState
  },
)
