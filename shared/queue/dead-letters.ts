/** Logs dead letters, for every kind of queue. */
import { Effect } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { oneLine } from "./entry.ts"

/** Warns of a new letter; its order, if known, is the annotation `orderId`. */
export const logDeadLetter = (
  entryId: string,
  orderId: OrderId | undefined,
  cause: string,
): Effect.Effect<void> =>
  Effect.annotateLogs(
    Effect.logWarning(`Entry ${entryId} of the order queue is a dead letter: ${oneLine(cause)}`),
    orderId === undefined ? {} : { orderId },
  )
