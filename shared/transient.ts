/**
 * The two ways in which a call can fail without an answer. Both are retried; neither may start a compensation, since
 * neither is a refusal. Everything else is a rejection (a typed answer of the callee) or a defect.
 */
import { Schema } from "effect"

/** The callee refuses to work now (connection refused, 429, 5xx). Try again; should it have happened, it remembers. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  message: Schema.String,
}) {}

/** The answer never came (timeout, connection cut): it may have happened. Try again; the callee remembers. */
export class Unknown extends Schema.TaggedError<Unknown>()("Unknown", {
  message: Schema.String,
}) {}

export type Transient = Unavailable | Unknown
