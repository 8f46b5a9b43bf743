/** Schemas of columns that hold more than plain values. */
import { Schema, SchemaTransformation } from "effect"

/**
 * JSON as it was written. It was decoded on its way in, perhaps by a version that knows more than this one: what this one does
 * not know is kept.
 */
export const json = <A extends object>() =>
  Schema.declare((value): value is A => typeof value === "object" && value !== null)

/** A text of which the same is true, such as a name out of a list that grows. */
export const text = <A extends string>() =>
  Schema.declare((value): value is A => typeof value === "string")

/** A point in time, as ISO 8601 has it. */
export const isoTime = Schema.Date.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (date) => date.toISOString(),
      encode: (iso) => new Date(iso),
    }),
  ),
)
