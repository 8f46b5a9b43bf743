/**
 * Logs what an operator did, next to what follows from it. The audit trail is written by the
 * console.
 */
import { Effect } from "effect"

export const operatorDid = (action: string, operator: string, reason: string, done: object) =>
  Effect.annotateLogs(Effect.logInfo(`An operator did: ${action}`), { operator, reason, ...done })
