/** What the console shows of the audit, and has healed. */
import { Schema } from "effect"
import { participantNames } from "./order-saga.ts"
import { OrderId } from "./order.ts"
import { OperatorReason } from "./text.ts"

const FindingView = Schema.Struct({
  kind: Schema.Literals(["missing", "mismatch", "leftover", "orphan", "stuck", "imbalance"]),
  orderId: Schema.NullOr(OrderId),
  participant: Schema.NullOr(Schema.Literals(participantNames)),
  resource: Schema.NullOr(Schema.String),
  ageMs: Schema.NullOr(Schema.Finite),
  cause: Schema.String,
  remedy: Schema.String,
  /** Whether POST /api/console/audit/heal mends it; else a person decides. */
  healable: Schema.Boolean,
}).annotate({ identifier: "Finding" })

/** GET /api/console/audit */
export const AuditState = Schema.Struct({
  verdict: Schema.Literals(["sound", "violated", "unknown"]),
  /** When everything was looked at last (ISO 8601); null when it was not yet. */
  checkedAt: Schema.NullOr(Schema.String),
  /** How many findings there are of each kind. */
  counts: Schema.Record(Schema.String, Schema.Int),
  findings: Schema.Array(FindingView),
}).annotate({ identifier: "AuditState" })
export type AuditState = typeof AuditState.Type

/** POST /api/console/audit/heal */
export const HealRequest = Schema.Struct({
  /** Only tells what it would heal. */
  dryRun: Schema.optionalKey(Schema.Boolean),
  reason: OperatorReason,
}).annotate({ identifier: "HealRequest" })

export const HealResponse = Schema.Struct({ healed: Schema.Array(FindingView) })
