/**
 * Finds a field that appears twice in one object of a JSON text. JSON.parse silently keeps the
 * last, other parsers keep the first, so one program may check another value than the next one uses
 * (RFC 8259, section 4).
 */

/** The number of fields of all objects in the value. */
const fieldsOf = (value: object): number => {
  if (Array.isArray(value)) {
    let count = 0
    for (const item of value) if (typeof item === "object" && item !== null) count += fieldsOf(item)
    return count
  }
  const names = Object.keys(value)
  let count = names.length
  for (const name of names) {
    const inner = (value as Readonly<Record<string, unknown>>)[name]
    if (typeof inner === "object" && inner !== null) count += fieldsOf(inner)
  }
  return count
}

const colon = 0x3a
const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

/**
 * The number of fields in a JSON text without escapes: names, and only names, are followed by a
 * colon.
 */
const fieldsIn = (text: string): number => {
  let count = 0
  let at = text.indexOf('"')
  while (at >= 0) {
    at = text.indexOf('"', at + 1) + 1
    while (isSpace(text.charCodeAt(at))) at++
    if (text.charCodeAt(at) === colon) count++
    at = text.indexOf('"', at)
  }
  return count
}

/** The first name that appears twice in one object. */
const firstDuplicate = (text: string): string | undefined => {
  const open: Array<Set<string>> = []
  let last = ""
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}:]/g)) {
    if (token === "{") open.push(new Set())
    else if (token === "}") open.pop()
    else if (token !== ":") last = token
    else {
      const names = open.at(-1)
      const name = JSON.parse(last) as string
      if (names?.has(name)) return name
      names?.add(name)
    }
  }
  return undefined
}

/**
 * The name of a field that appears twice in one object of the text, or undefined. `value` is the
 * text, parsed.
 */
export const duplicateField = (text: string, value: unknown): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  // Texts with escapes are not counted: of two such names, V8 gives the second as "\\".
  const isPlain = !text.includes("\\")
  // Duplicates are rare, and counting takes a tenth of the time of comparing names.
  return isPlain && fieldsOf(value) === fieldsIn(text) ? undefined : firstDuplicate(text)
}
