/**
 * What the console reports to auth's audit trail about an operator's action: before it requests the
 * action, and how the action ended.
 */
import { Schema } from "effect"
import { isKeepable, OperatorReason } from "./text.ts"

const line = (longest: number) =>
  Schema.String.check(
    Schema.isMinLength(1),
    Schema.isMaxLength(longest),
    Schema.isPattern(/^[^\p{Cc}]*$/u),
    Schema.makeFilter(isKeepable, { expected: "text that can be stored" }),
  )

/** All actions of operators. */
export const operatorActions = [
  "order-cancel",
  "order-retry",
  "restock",
  "dead-letter-redrive",
  "dead-letter-discard",
  "audit-heal",
  "faults-set",
  "orchestrator-kill",
  "queue-wipe",
] as const
export type OperatorAction = (typeof operatorActions)[number]

export const actionOutcomes = ["begun", "done", "refused", "failed"] as const
export type ActionOutcome = (typeof actionOutcomes)[number]

/** POST /internal/trail: the beginning of an action, or its end under the same id. */
export const TrailAction = Schema.Struct({
  id: Schema.String.check(Schema.isUUID()),
  /** The operator. */
  username: line(150),
  action: Schema.Literals(operatorActions),
  /** What the action applies to, such as the id of an order. */
  target: Schema.optionalKey(line(200)),
  reason: OperatorReason,
  outcome: Schema.Literals(actionOutcomes),
  /** The stable code of a refusal or failure. */
  code: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[a-z][a-z_]{0,59}$/))),
  /** The network address that the operator came from. */
  address: Schema.optionalKey(line(60)),
}).annotate({ identifier: "TrailAction" })
export type TrailAction = typeof TrailAction.Type
