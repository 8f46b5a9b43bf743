/** One order as the console shows it. */
import { Schema } from "effect"
import { Recorded } from "./audit.ts"
import { Away } from "./console.ts"
import { participantNames } from "./order-saga.ts"
import { WholeOrder } from "./order-search.ts"
import { DeadLetterView } from "./queue.ts"
import { RunningSaga } from "./saga.ts"

/**
 * What a participant has on record of the order; null when nothing. A participant that does not
 * answer is left out.
 */
const Record = Schema.Struct({
  participant: Schema.Literals(participantNames),
  recorded: Schema.NullOr(Recorded),
}).annotate({ identifier: "ParticipantRecord" })

/**
 * GET /api/console/orders/:id, and the event `order` of GET /api/console/orders/:id/events, which
 * is sent at each change. The last event has the final order.
 */
export const OneOrder = Schema.Struct({
  /**
   * Null while the orders service does not answer. An order that it does not know is a 404 Problem.
   */
  order: Schema.NullOr(WholeOrder),
  /** The running saga; null when no orchestrator that answered has the order in flight. */
  saga: Schema.NullOr(RunningSaga),
  /** In the order of the saga's table. */
  records: Schema.Array(Record),
  /** The newest dead letter of the order. */
  letter: Schema.NullOr(DeadLetterView),
  unavailable: Schema.Array(Away),
}).annotate({ identifier: "OneOrder" })
export type OneOrder = typeof OneOrder.Type
