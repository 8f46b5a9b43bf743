/**
 * An order's history as server-sent events. The events follow from the order alone and only ever grow, so an event's place
 * in the history is its id, in every replica, and a client that comes back with Last-Event-ID goes on where it was.
 */
import { Effect, Metric, Stream } from "effect"
import type { TimelineEntry } from "#shared/contracts/order.ts"
import { fairShare } from "#shared/fair-share.ts"
import { Problem } from "#shared/http/problem.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import { Changes } from "./changes.ts"
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
    ...(order.status === "compensating" || order.status === "failed" ? [status(undone)] : []),
    ...cancels,
    ...(isFinal(order) ? [status({})] : []),
  ]
}

const encode = ({ type, data }: OrderEvent, id: number): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`

/** A comment keeps proxies from closing a quiet stream, and tells the server that the client is gone. */
const quiet = ": nothing new\n\n"

const openStreams = Metric.gauge("order_event_streams", {
  description: "Event streams of orders that are open",
  attributes: { unit: "{stream}" },
})

/** Of the streams that are free, what one user may have open. */
const partOfUser = 1 / 10

/**
 * Makes the function that opens the stream of the events of a user's order after `lastEventId`, ending with the one that is
 * final; it fails with a 429 Problem while the user has as many open as one may, and with a 503 Problem while `most` are open.
 * `look` gives the order as it is now; when it fails the stream breaks
 * off, and when `closing` succeeds it ends; the client comes back by itself.
 */
export const eventStreams = ({ most }: { readonly most: number }) =>
  Effect.map(Effect.tap(Changes, fromTheStart([openStreams])), (changes) => {
    const open = fairShare({ most, part: partOfUser })
    const counted = Effect.suspend(() => Metric.update(openStreams, open.size()))
    const refused = { room: Effect.void, "over share": tooManyOfYours, full: tooManyStreams }
    const taken = (username: string) =>
      Effect.acquireRelease(
        Effect.andThen(Effect.suspend(() => refused[open.take(username)]), counted),
        () => Effect.andThen(Effect.sync(() => open.giveBack(username)), counted),
      )
    return Effect.fnUntraced(function* <E>(
      { id: orderId, username }: Pick<Order, "id" | "username">,
      look: Effect.Effect<Order, E>,
      lastEventId: number,
      closing: Effect.Effect<void>,
    ) {
      yield* refused[open.roomFor(username)]
      const events = Stream.unwrap(Effect.gen(function* () {
        yield* taken(username)
        const changed = yield* changes.watch(orderId)
        return Stream.unfold(
          { sent: lastEventId + 1, looked: false, ended: false },
          Effect.fnUntraced(function* ({ sent, looked, ended }) {
            if (ended) return undefined
            const order = (looked ? yield* changed : undefined) ?? (yield* look)
            const history = historyOf(order)
            const fresh = history.map(encode).slice(sent)
            const position = { sent: history.length, looked: true, ended: isFinal(order) }
            return [fresh.length === 0 ? quiet : fresh.join(""), position] as const
          }),
        ).pipe(Stream.interruptWhen(closing))
      }))
      // Begun by the first read, so that an answer that nobody reads, as to HEAD, leaves nothing open.
      return Stream.toReadableStreamWith(
        Stream.encodeText(events),
        yield* Effect.context<never>(),
        { strategy: { highWaterMark: 0 } },
      )
    })
  })

const tooManyStreams = new Problem({
  status: 503,
  code: "too_many_streams",
  detail: "Too many orders are being watched. Try again in a few seconds, or GET the order itself.",
  headers: { "retry-after": "5" },
})

const tooManyOfYours = new Problem({
  status: 429,
  code: "too_many_streams",
  detail: "You watch too many orders. End some of the streams, or GET the orders themselves.",
  headers: { "retry-after": "5" },
})

export const eventStreamHeaders = {
  "content-type": "text/event-stream",
  // nginx holds back what it thinks is a page.
  "x-accel-buffering": "no",
}
