/**
 * JSON Schema as the OpenAPI documents use it: whether a value fits, and arbitraries of values that
 * fit and that do not. An unsupported keyword throws, so that no part of a schema stays untested.
 */
import fc from "fast-check"

export type Schema = Readonly<Record<string, unknown>>
type Definitions = Readonly<Record<string, Schema>>

const told = ["description", "title", "examples"]
const understood = [
  ...told,
  ...["$ref", "anyOf", "allOf", "not", "enum", "type", "format", "pattern"],
  ...["properties", "required", "additionalProperties", "items", "minItems", "maxItems"],
  ...["minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum"],
]

/** The schema itself: the one that it refers to, with its own other keywords. */
const resolved = (schema: Schema, definitions: Definitions): Schema => {
  for (const word of Object.keys(schema)) {
    if (!understood.includes(word)) throw new Error(`not understood: ${word}`)
  }
  const reference = schema["$ref"] as string | undefined
  if (reference !== undefined) {
    return resolved(definitions[reference.split("/").at(-1)!]!, definitions)
  }
  const { allOf = [], ...rest } = schema as { readonly allOf?: ReadonlyArray<Schema> }
  return Object.assign({}, rest, ...allOf.map((part) => resolved(part, definitions)))
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value

/** Where the value does not fit, and why; undefined if it fits. */
export const misfit = (
  given: Schema,
  value: unknown,
  definitions: Definitions,
  at = "",
): string | undefined => {
  const schema = resolved(given, definitions)
  const anyOf = schema["anyOf"] as ReadonlyArray<Schema> | undefined
  if (anyOf?.every((one) => misfit(one, value, definitions, at) !== undefined)) {
    return `${at}: none of its forms`
  }
  const not = schema["not"] as Schema | undefined
  if (not !== undefined && misfit(not, value, definitions, at) === undefined) {
    return `${at}: what it must not be`
  }
  if (schema["enum"] !== undefined && !(schema["enum"] as Array<unknown>).includes(value)) {
    return `${at}: none of the enum`
  }
  const type = schema["type"]
  const own = typeOf(value)
  if (type !== undefined && type !== own && !(type === "integer" && Number.isInteger(value))) {
    return `${at}: ${own} for ${type}`
  }
  if (typeof value === "number") return outOfRange(schema, value, at)
  if (typeof value === "string") return wrongText(schema, value, at)
  if (Array.isArray(value)) return wrongItems(schema, value, definitions, at)
  return own === "object" && type === "object"
    ? wrongFields(schema, value as Readonly<Record<string, unknown>>, definitions, at)
    : undefined
}

const outOfRange = (schema: Schema, value: number, at: string) =>
  value < (schema["minimum"] as number ?? -Infinity) ||
    value > (schema["maximum"] as number ?? Infinity) ||
    value <= (schema["exclusiveMinimum"] as number ?? -Infinity)
    ? `${at}: ${value} is out of range`
    : undefined

const wrongText = (schema: Schema, value: string, at: string) =>
  value.length < (schema["minLength"] as number ?? 0) ||
    value.length > (schema["maxLength"] as number ?? Infinity) ||
    !new RegExp(schema["pattern"] as string ?? "", "u").test(value) ||
    (schema["format"] === "uuid" && !uuid.test(value))
    ? `${at}: ${JSON.stringify(value)} does not fit`
    : undefined

const wrongItems = (
  schema: Schema,
  value: ReadonlyArray<unknown>,
  definitions: Definitions,
  at: string,
) =>
  value.length < (schema["minItems"] as number ?? 0) ||
    value.length > (schema["maxItems"] as number ?? Infinity)
    ? `${at}: ${value.length} items`
    : value.map((item, n) =>
      misfit((schema["items"] ?? {}) as Schema, item, definitions, `${at}[${n}]`)
    ).find((wrong) => wrong !== undefined)

const wrongFields = (
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  definitions: Definitions,
  at: string,
) => {
  const fields = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>
  const missing = ((schema["required"] ?? []) as ReadonlyArray<string>)
    .find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) return `${at}: no ${missing}`
  for (const [name, inner] of Object.entries(value)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (known === undefined && schema["additionalProperties"] === false) return `${at}: ${name}`
    const wrong = known && misfit(known, inner, definitions, `${at}.${name}`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** Values that fit. */
export const fitting = (given: Schema, definitions: Definitions): fc.Arbitrary<unknown> => {
  const schema = resolved(given, definitions)
  if (schema["anyOf"] !== undefined) {
    return fc.oneof(
      ...(schema["anyOf"] as ReadonlyArray<Schema>).map((one) => fitting(one, definitions)),
    )
  }
  if (schema["enum"] !== undefined) return fc.constantFrom(...schema["enum"] as Array<unknown>)
  switch (schema["type"]) {
    case "object":
      return fittingFields(schema, definitions)
    case "array":
      return fc.array(fitting((schema["items"] ?? {}) as Schema, definitions), {
        minLength: schema["minItems"] as number ?? 0,
        maxLength: Math.min(schema["maxItems"] as number ?? 3, 3),
      })
    case "string":
      return fittingTexts(schema)
    case "integer":
      return fc.oneof(
        // The minimum is often a position in a list that has no others.
        fc.constant(schema["minimum"] as number ?? 0),
        fc.integer({
          min: schema["minimum"] as number ?? -1_000,
          max: Math.min(schema["maximum"] as number ?? 1_000_000, 2 ** 31 - 1),
        }),
      )
    case "number":
      return fc.integer({ min: 1, max: 100_000 }).map((minor) => minor / 100)
    case "boolean":
      return fc.boolean()
    case "null":
      return fc.constant(null)
    default:
      return fc.jsonValue()
  }
}

const fittingTexts = (schema: Schema): fc.Arbitrary<string> =>
  typeof schema["pattern"] === "string"
    ? fc.stringMatching(new RegExp(schema["pattern"], "u"))
    : schema["format"] === "uuid"
    ? fc.uuid()
    : fc.string({
      unit: fc.constantFrom(..."aZ09@.:-_ üß😀"),
      minLength: schema["minLength"] as number ?? 0,
      maxLength: Math.min(schema["maxLength"] as number ?? 40, 40),
    })

const fittingFields = (schema: Schema, definitions: Definitions) => {
  const fields = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>
  return fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, inner]) => [name, fitting(inner, definitions)]),
    ),
    { requiredKeys: [...(schema["required"] ?? []) as ReadonlyArray<string>] },
  )
}

/** What clients send by mistake or on purpose. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, -1, 0, 0.001, 1e308, 2 ** 53, 2 ** 31, "", "\0", "\ud800", [], {}),
  fc.constantFrom("x".repeat(5_000), "' or 1=1--", "../..", "${7*7}", "\u202e", "٠٩:٠٠", "\ufffd"),
  fc.jsonValue(),
)

/** The value with one change somewhere in it: a part is missing, replaced, or added. */
export const spoilt = (value: unknown): fc.Arbitrary<unknown> => {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return junk
  const isList = Array.isArray(value)
  return fc.constantFrom(...Object.keys(value)).chain((key) => {
    const inner = (value as Readonly<Record<string, unknown>>)[key]
    const with_ = (changed: unknown) => {
      const entries = Object.entries({ ...value, [key]: changed })
      return isList ? entries.map(([, item]) => item) : Object.fromEntries(entries)
    }
    const { [key]: _left, ...rest } = value as Readonly<Record<string, unknown>>
    return fc.oneof(
      junk.map(with_),
      spoilt(inner).map(with_),
      fc.constant(isList ? Object.values(rest) : rest),
      junk.map((extra) => isList ? [...value, extra] : { ...value, surprise: extra }),
    )
  })
}
