/** A participant's resources as the console shows them. Those of billing are the accounts. */
import { Schema } from "effect"
import { participantNames } from "./order-saga.ts"

/**
 * :participant in GET /api/console/stock/:participant, GET and POST
 * /api/console/stock/:participant/adjustments
 */
export const ParticipantParams = Schema.Struct({
  participant: Schema.Literals(participantNames),
})
