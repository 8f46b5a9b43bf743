/**
 * An order's history as server-sent events. The events follow from the order alone and only ever grow, so an event's place
 * in the history is its id, in every replica, and a client that comes back with Last-Event-ID goes on where it was.
 */
import { Effect, Stream } from "effect"
import type { TimelineEntry } from "#shared/contracts/order.ts"
import type { Changes } from "./changes.ts"
import { isFinal, type Order, viewOf } from "./order.ts"

interface OrderEvent {
  readonly type: "status" | "step"
  readonly data: unknown
}

/** Everything that happened to the order, in the order in which it did. */
export const historyOf = (order: Order): ReadonlyArray<OrderEvent> => {
  const view = viewOf(order)
  const step = (entry: TimelineEntry): OrderEvent => ({ type: "step", data: entry })
  const status = (changes: object): OrderEvent => ({
    type: "status",
    data: { ...view, ...changes },
  })
  const reserves = order.timeline.filter(({ action }) => action === "reserve").map(step)
  const cancels = order.timeline.filter(({ action }) => action === "cancel").map(step)
  const open = { success: null, reason: null, decidedAt: null }
  const undone = { ...open, status: "compensating", reason: view.reason }
  return [
    status({ ...open, status: "pending" }),
    ...reserves,
    ...(order.reason === null ? [] : [status(undone)]),
    ...cancels,
    ...(isFinal(order) ? [status({})] : []),
  ]
}

const encode = ({ type, data }: OrderEvent, id: number): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`

/** A comment keeps proxies from closing a quiet stream, and tells the server that the client is gone. */
const quiet = ": nothing new\n\n"

/**
 * The events after `lastEventId`, ending with the one that is final. `look` gives the order as it is now; when it fails
 * the stream ends, and the client comes back by itself.
 */
export const eventStream = <E>(
  changes: Changes["Service"],
  orderId: string,
  look: Effect.Effect<Order, E>,
  lastEventId: number,
): Effect.Effect<ReadableStream<Uint8Array>> =>
  Effect.map(Effect.context<never>(), (context) => {
    const events = Stream.unwrap(Effect.map(changes.watch(orderId), (changed) => {
      interface Position {
        readonly sent: number
        readonly first: boolean
      }
      const next = Effect.fnUntraced(function* ({ sent, first }: Position) {
        if (sent === Infinity) return undefined
        if (!first) yield* changed
        const order = yield* look
        const history = historyOf(order)
        const fresh = history.map(encode).slice(sent)
        const position = { sent: isFinal(order) ? Infinity : history.length, first: false }
        return [fresh.length === 0 ? quiet : fresh.join(""), position] as const
      })
      return Stream.unfold({ sent: lastEventId + 1, first: true }, next)
    })).pipe(Stream.encodeText)
    return Stream.toReadableStreamWith(events, context)
  })

export const eventStreamHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // nginx holds back what it thinks is a page.
  "x-accel-buffering": "no",
}
