/** What the console shows of one order. */
import { Schema } from "effect"
import { Recorded } from "./audit.ts"
import { Away } from "./console.ts"
import { participantNames } from "./order-saga.ts"
import { WholeOrder } from "./order-search.ts"
import { DeadLetterView } from "./queue.ts"
import { RunningSaga } from "./saga.ts"

/** What a participant has on record of the order; null when it has nothing. One that could not be asked is left out. */
const Record = Schema.Struct({
  participant: Schema.Literals(participantNames),
  recorded: Schema.NullOr(Recorded),
}).annotate({ identifier: "ParticipantRecord" })

/**
 * GET /api/console/orders/:id, and the event `order` of GET /api/console/orders/:id/events, which comes whenever it is another;
 * the last one is of the order that is final.
 */
export const OneOrder = Schema.Struct({
  /** Null while orders cannot be asked; an order that it does not know is a 404 Problem. */
  order: Schema.NullOr(WholeOrder),
  /** Where it is right now: null when no orchestrator that could be asked has it in flight. */
  saga: Schema.NullOr(RunningSaga),
  /** In the order of the saga's table. */
  records: Schema.Array(Record),
  /** The newest dead letter of it. */
  letter: Schema.NullOr(DeadLetterView),
  unavailable: Schema.Array(Away),
}).annotate({ identifier: "OneOrder" })
export type OneOrder = typeof OneOrder.Type
