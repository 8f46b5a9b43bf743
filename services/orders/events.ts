/**
 * An order's history as server-sent events. The events follow from the order alone and only ever
 * grow, so an event's position in the history is its id, in every replica, and a client that
 * reconnects with Last-Event-ID resumes where it was.
 */
import { Effect, Metric, Stream } from "effect"
import type { TimelineEntry } from "#shared/contracts/order-state.ts"
import { eventStreams, eventText, quiet } from "#shared/http/event-streams.ts"
import { Changes } from "./changes.ts"
import { isFinal, type Order, viewOf } from "./order.ts"

interface OrderEvent {
  readonly type: "status" | "step"
  readonly data: unknown
}

/** All events of the order, in the order in which they happened. */
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

const openStreams = Metric.gauge("order_event_streams", {
  description: "Event streams of orders that are open",
  attributes: { unit: "{stream}" },
})

/** The part of the free streams that one user may open. */
const partOfUser = 1 / 10

/**
 * Makes the function that opens the event stream of a user's order after `lastEventId`. The stream
 * ends with the final event, and breaks off when `look`, which returns the order as it is now,
 * fails. Opening fails as event streams do.
 */
export const orderStreams = ({ most }: { readonly most: number }) =>
  Effect.gen(function* () {
    const changes = yield* Changes
    const open = yield* eventStreams({
      most,
      part: partOfUser,
      open: openStreams,
      remedies: {
        full:
          "Too many orders are being watched. Try again in a few seconds, or GET the order itself.",
        overShare:
          "You watch too many orders. End some of the streams, or GET the orders themselves.",
      },
    })
    return <E>(
      { id: orderId, username }: Pick<Order, "id" | "username">,
      look: Effect.Effect<Order, E>,
      lastEventId: number,
      closing: Effect.Effect<void>,
    ) =>
      open(
        username,
        Effect.map(changes.watch(orderId), (changed) =>
          Stream.unfold(
            { sent: lastEventId + 1, looked: false, ended: false },
            Effect.fnUntraced(function* ({ sent, looked, ended }) {
              if (ended) return undefined
              const order = (looked ? yield* changed : undefined) ?? (yield* look)
              const history = historyOf(order)
              const fresh = history.map(({ type, data }, id) => eventText(type, data, id))
                .slice(sent)
              const position = { sent: history.length, looked: true, ended: isFinal(order) }
              return [fresh.length === 0 ? quiet : fresh.join(""), position] as const
            }),
          )),
        closing,
      )
  })
