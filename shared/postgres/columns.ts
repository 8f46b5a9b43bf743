/** Schemas of columns that hold more than plain values. */
import { Schema, SchemaTransformation } from "effect"

/**
 * JSON as it was written. It was decoded on its way in, perhaps by a version that knows more than this one: what this one does
 * not know is kept.
 */
export const json = <A extends object>() => Schema.ObjectKeyword as unknown as Schema.Codec<A>

/** A text of which the same is true, such as an id, or a name out of a list that grows. */
export const text = <A extends string>() => Schema.String as unknown as Schema.Codec<A>

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
