/**
 * The ways in which a call can fail without an answer of the callee's rules. All are retried, and none may start a
 * compensation, since none is a rejection. Everything else is a typed answer of the callee or a defect.
 */
import { Schema } from "effect"

/** The callee refuses to work now (connection refused, 429, 5xx). Try again; should it have happened, it remembers. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  message: Schema.String,
  /** The HTTP status, where there was an answer. */
  status: Schema.optionalKey(Schema.Int),
}) {}

/**
 * The answer never came (timeout, connection cut), or is none of the protocol: it may have happened. Try again; the callee
 * remembers.
 */
export class Unknown extends Schema.TaggedError<Unknown>()("Unknown", {
  message: Schema.String,
  /** Of an answer that breaks the protocol, which a person has to mend: what the log tells of it besides. */
  breach: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
}) {}

/**
 * The callee does not know this caller, does not let it in or does not have the route (401, 403, 404): a key, an address or a
 * version is wrong. It stays so until a person mends it, so try again, but slowly.
 */
export class Misconfigured extends Schema.TaggedError<Misconfigured>()("Misconfigured", {
  message: Schema.String,
  /** The HTTP status, where it was an answer that said so. */
  status: Schema.optionalKey(Schema.Int),
}) {}

export type Transient = Unavailable | Unknown | Misconfigured
