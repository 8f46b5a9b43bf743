import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { duplicateField } from "#shared/http/duplicate-fields.ts"

type Json = null | boolean | number | string | ReadonlyArray<Json> | Fields
/** An object as it is written: fields in turn, of any names, also repeated ones. */
interface Fields {
  readonly fields: ReadonlyArray<readonly [name: string, value: Json]>
}

const names = fc.oneof(
  fc.constantFrom("a", "b", "__proto__", '"', "\\", '\\"', ":", '":', "{", "}", "\u00fc", ""),
  fc.string(),
)
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 1, -0.5e3),
    names,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.record({ fields: fc.array(fc.tuple(names, tie("json")), { maxLength: 4 }) }),
  ),
}))

const isFields = (value: Json): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Written with the spaces, and the escapes in names, that JSON allows. */
const written = (value: Json, space: string, escaped: boolean): string => {
  const text = (name: string) =>
    escaped
      ? `"${[...Array(name.length).keys()].map((n) => `\\u${hex(name.charCodeAt(n))}`).join("")}"`
      : JSON.stringify(name)
  const inner = (value: Json) => written(value, space, escaped)
  if (Array.isArray(value)) return `[${value.map(inner).join(`${space},`)}${space}]`
  if (!isFields(value)) return JSON.stringify(value)
  const fields = value.fields.map(([name, one]) => `${space}${text(name)}${space}:${inner(one)}`)
  return `{${fields.join(`${space},`)}${space}}`
}
const hex = (code: number) => code.toString(16).padStart(4, "0")

/** The duplicates, straight from the definition. */
const duplicatesIn = (value: Json): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap(duplicatesIn)
  if (!isFields(value)) return []
  const all = value.fields.map(([name]) => name)
  return [
    ...all.filter((name, n) => all.indexOf(name) !== n),
    ...value.fields.flatMap(([, one]) => duplicatesIn(one)),
  ]
}

describe("a duplicate field", () => {
  it("is found at any depth and in any spelling, and nothing else is", () => {
    let found = 0
    fc.assert(
      fc.property(json, fc.constantFrom("", " ", "\n\t"), fc.boolean(), (value, space, escaped) => {
        const text = written(value, space, escaped)
        const expected = duplicatesIn(value)
        const duplicate = duplicateField(text, JSON.parse(text))
        if (expected.length === 0) assert.isUndefined(duplicate, text)
        else {
          found++
          assert.include(expected, duplicate, text)
        }
      }),
      { numRuns: 2_000 },
    )
    assert.isAbove(found, 20)
  })

  it.each([
    ['{"a":1,"a":1}', "a"],
    ['{"a":1,"b":{"c":1,"c":2}}', "c"],
    ['[{"a":1},{"a":2,"\\u0061":3}]', "a"],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    ['{"a\\\\":1,"a\\\\":2}', "a\\"],
    ['{"a":{"a":1},"b":[{"a":1}]}', undefined],
    ['{"a":"\\":","b":":"}', undefined],
    ['"a"', undefined],
    ["null", undefined],
  ])("in %s is %s", (text, name) => {
    assert.strictEqual(duplicateField(text, JSON.parse(text)), name)
  })
})
