/**
 * The line that the log has of what an operator did, beside what follows from it; the audit trail
 * is the console's to write.
 */
import { Effect } from "effect"

export const operatorDid = (action: string, operator: string, reason: string, done: object) =>
  Effect.annotateLogs(Effect.logInfo(`An operator did: ${action}`), { operator, reason, ...done })
