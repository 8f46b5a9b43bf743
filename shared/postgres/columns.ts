/** Schemas of columns that hold more than plain values. */
import { Schema, SchemaTransformation } from "effect"

/**
 * JSON as it was written. It was decoded on input, perhaps by a newer version: fields that this
 * version does not know are kept.
 */
export const json = <A extends object>() => Schema.ObjectKeyword as unknown as Schema.Codec<A>

/** A text that was decoded on input, such as an id, or a name from a list that grows. */
export const text = <A extends string>() => Schema.String as unknown as Schema.Codec<A>

/** An instant in ISO 8601. */
export const isoTime = Schema.Date.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (date) => date.toISOString(),
      encode: (iso) => new Date(iso),
    }),
  ),
)
