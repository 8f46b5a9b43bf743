/**
 * The ways a call can fail without an answer by the callee's rules. All are retried, and none may
 * start a compensation, since none is a rejection. Everything else is a typed answer of the callee
 * or a defect.
 */
import { Schema } from "effect"

/**
 * The callee does not work now (connection refused, 429, 5xx). Retrying is safe: the callee is
 * idempotent.
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  message: Schema.String,
  /** The HTTP status, if there was an answer. */
  status: Schema.optionalKey(Schema.Int),
}) {}

/**
 * The answer never came (timeout, connection cut), or breaks the protocol: it may have happened.
 * Retrying is safe: the callee is idempotent.
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  message: Schema.String,
  /**
   * Details for the log when the answer breaks the protocol, which a person has to correct.
   */
  breach: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
}) {}

/**
 * The callee does not know this caller, does not let it in or does not have the route (401, 403,
 * 404): a key, an address or a version is wrong until a person corrects it, so retries are slow.
 */
export class Misconfigured extends Schema.TaggedError<Misconfigured>()("Misconfigured", {
  message: Schema.String,
  /** The HTTP status, if there was an answer. */
  status: Schema.optionalKey(Schema.Int),
}) {}

export type Transient = Unavailable | OutcomeUnknown | Misconfigured
